"""Single predictions: what bounds them, and how they refuse."""

import json

import pytest

from inferplan.catalog.devices import device
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.catalog.models import model
from inferplan.errors import CannotPredictError, InputError
from inferplan.estimate.deployment import Deployment, default_engine
from inferplan.estimate.fit import fit
from inferplan.estimate.predict import predict
from inferplan.estimate.serving import serve
from inferplan.workload.load import Load


def plan_on(name, weights="bf16", **fields):
    board = device(name)
    return Deployment(
        board, weight_format(weights), kv_format("fp16"), default_engine(board), **fields
    )


LLAMA = model("Llama-3.1-8B")


def test_decode_is_memory_bound_and_prefill_compute_bound():
    said = predict(LLAMA, plan_on("h100_sxm"), 4000, 200)
    assert said.decode.bound == "memory"
    assert said.prefill.bound == "compute"
    # a large batch of short sequences is bound by neither cache nor weights alone
    many = predict(LLAMA, plan_on("h100_sxm"), 100, 100, 256)
    assert many.tpot_s < 4 * said.tpot_s
    assert many.decode_tok_s > 50 * said.decode_tok_s


def test_views_agree():
    said = predict(LLAMA, plan_on("h100_sxm"), 1000, 200, 8)
    assert said.decode_tok_s == pytest.approx(8 * said.decode_tok_s_per_user)
    assert said.e2e_s == pytest.approx(said.ttft_s + 199 * said.tpot_s)
    data = json.loads(json.dumps(said.to_dict()))
    assert data["tpot_s"] == said.tpot_s
    times = sum(op["time_s"] for op in data["decode"]["operators"])
    rest = data["decode"]["communication_s"] + data["decode"]["overhead_s"]
    assert times + rest == pytest.approx(said.tpot_s)


def test_what_does_not_fit_is_refused_with_figures_and_a_way_out():
    with pytest.raises(CannotPredictError, match=r"weights 141\.\d GB of .* use more devices"):
        predict(model("Llama-3-70B"), plan_on("h100_sxm"), 1000, 100)
    with pytest.raises(CannotPredictError, match=r"KV pool holds .* smaller batch"):
        predict(LLAMA, plan_on("rtx4090"), 4000, 100, 200)
    with pytest.raises(InputError, match="exceed the 8192 of Llama-3-8B"):
        predict(model("Llama-3-8B"), plan_on("h100_sxm"), 8000, 200)


def test_serving_beyond_the_limit_says_what_is_served():
    plan = plan_on("h100_sxm")
    idle, busy = (serve(LLAMA, plan, Load(1000, 200, rate_per_s=r)) for r in (0.1, 1e6))
    assert idle.rate_per_s == pytest.approx(0.1, rel=1e-4)
    assert busy.rate_per_s < 1e3
    assert busy.batch == pytest.approx(busy.batch_limit, rel=1e-4)
    assert busy.prefill_utilisation < 1
    assert busy.latencies["tpot"].mean > idle.latencies["tpot"].mean
    assert json.loads(json.dumps(busy.to_dict()))["method"] == "closed form"
    with pytest.raises(CannotPredictError, match="does not fit 1 x l4"):
        serve(model("Llama-3-70B"), plan_on("l4"), Load(10, 10, rate_per_s=1))


def test_one_request_in_flight_sees_an_idle_replica():
    plan = plan_on("h100_sxm")
    alone = serve(LLAMA, plan, Load(1000, 200, concurrency=1))
    said = predict(LLAMA, plan, 1000, 200)
    assert alone.tpot.mean == pytest.approx(said.tpot_s, rel=0.05)
    assert alone.tpot.p99 == pytest.approx(alone.tpot.mean, rel=0.01)  # nobody else to wait for
    assert alone.ttft.mean == pytest.approx(said.ttft_s, rel=0.1)
    assert alone.rate_per_s * alone.e2e.mean == pytest.approx(1.0, rel=1e-3)


def test_prefix_hits_shorten_the_prompt_but_not_the_cache():
    plan = plan_on("h100_sxm")
    cold, warm = (
        serve(LLAMA, plan, Load(4000, 100, rate_per_s=1, prefix_hit_frac=h)) for h in (0.0, 0.9)
    )
    assert warm.ttft.mean < 0.4 * cold.ttft.mean
    assert warm.tpot.mean <= cold.tpot.mean
    assert warm.total_tok_s == pytest.approx(cold.total_tok_s, rel=1e-3)


def test_an_engine_pool_of_known_size():
    # Llama 3.1 8B: 131,072 B per token; 1 GiB = 8,192 tokens, four sequences of 2,048
    found = fit(LLAMA, plan_on("h100_sxm"), contexts=(2048, 8192), pool_bytes=2.0**30)
    assert found.pool_tokens == 8192
    assert [row.sequences for row in found.concurrency] == [4.0, 1.0]
    assert found.longest_context == 8192
    assert found.fits
    # two stages hold half of the layers each: the same pool on each holds twice the tokens
    staged = fit(LLAMA, plan_on("h100_sxm", pp=2), contexts=(2048,), pool_bytes=2.0**30)
    assert staged.pool_tokens == 16384
    assert staged.concurrency[0].sequences == 8.0
    nothing = fit(model("Llama-3-70B"), plan_on("l4"))
    assert not nothing.fits
    assert nothing.longest_context == 0


def test_a_longer_context_than_declared_is_not_offered():
    found = fit(model("Llama-3-8B"), plan_on("b200_sxm"))
    assert found.longest_context == 8192
    assert max(row.context_tokens for row in found.concurrency) == 8192
