"""Ways of batching compared, and the batch at which decoding turns compute-bound."""

import math
from typing import Any

import numpy as np
import pytest

import inferplan as ip
from inferplan.api.build import plan_for
from inferplan.errors import CannotPredictError, InputError
from inferplan.estimate.ridge import decode_roofs, ridge
from inferplan.report.batching_reasons import ridge_words
from inferplan.report.table import to_text
from inferplan.serving.compare import all_at_once
from inferplan.serving.rules import EngineRules
from inferplan.serving.ways import longest_of_batch, static_batch
from inferplan.workload.requests import Requests


def asked(*columns: Any, **more: Any) -> Requests:
    return Requests(*columns, **more)


@pytest.fixture(scope="module")
def found():
    return ip.batching("llama-3.1-8b", "h100", requests=600)


def test_all_ways_serve_the_same_requests(found):
    assert [way.name for way in found.ways] == ["static", "dynamic", "prefill first", "chunked"]
    for way in found.ways:
        assert way.loaded.n == way.at_once.n == found.same_seats.n == 600
        tokens = way.at_once.throughput.output_tok_s * way.at_once.occupancy.span_s
        assert tokens == pytest.approx(found.requests.osl.sum(), rel=1e-9)


def test_each_way_is_better_than_the_one_before(found):
    ratios = [found.times_static(way.at_once) for way in found.ways]
    assert ratios[0] == 1.0
    assert ratios[2] > 3
    assert ratios[3] > ratios[2]
    assert 1 < found.times_static(found.same_seats) < ratios[3]
    ttft = [way.loaded.quantiles("ttft").mean for way in found.ways]
    assert ttft[0] > ttft[1] > 10 * ttft[2]


def test_the_default_load_is_one_that_static_batching_serves(found):
    assert found.chosen
    assert not any(way.overloaded for way in found.ways)


def test_only_static_and_dynamic_pad(found):
    padding = [way.loaded.occupancy.padding_frac for way in found.ways]
    assert min(padding[:2]) > 0.3
    assert padding[2:] == [0.0, 0.0]


def test_padding_of_a_static_batch_is_the_padding_counted_by_hand():
    size = 4
    comparison = ip.batching(
        "llama-3.1-8b", "l40s", all_at_once=True, requests=8, isl=100, osl="uniform:2-9",
        batch_size=size, seed=3,
    )  # fmt: skip
    osl = comparison.requests.osl.reshape(-1, size)
    prompts, useful = 100 * osl.size, osl.sum() - osl.size
    decoded = ((osl.max(axis=1) - 1) * size).sum()
    wanted = (decoded - useful) / (prompts + decoded)
    static = comparison.way("static").at_once.occupancy
    assert static.padding_frac == pytest.approx(wanted, rel=1e-12)


def test_equal_lengths_leave_nothing_to_pad():
    equal = ip.batching("llama-3.1-8b", "l40s", isl=200, osl=50, requests=320)
    assert equal.way("static").at_once.occupancy.padding_frac == 0.0


def test_a_load_beyond_static_batching_is_marked():
    busy = ip.batching("llama-3.1-8b", "h100", rate=10, requests=1000)
    assert [way.overloaded for way in busy.ways] == [True, True, False, False]
    assert "static *" in str(busy)


def test_the_window_bounds_the_wait_of_an_idle_replica():
    for window_s in (0.5, 4.0):
        rare = ip.batching(
            "llama-3.1-8b", "h100", rate=0.02, requests=40, window_s=window_s, osl=20
        )
        waits: Any = rare.way("dynamic").loaded.quantiles("wait")
        assert waits.mean == pytest.approx(window_s, rel=0.1)


def test_page_fits_and_says_why(found):
    text = str(found)
    assert max(map(len, text.splitlines())) <= 100
    for words in ("longest answer", "serves nobody", "own last token", "compute-bound", "ridge"):
        assert words in " ".join(text.split())
    once = str(ip.batching("llama-3.1-8b", "h100", all_at_once=True, requests=200))
    assert "load: batch" not in once


def test_single_output_tokens_have_no_tpot():
    text = str(ip.batching("llama-3.1-8b", "h100", all_at_once=True, requests=64, osl=1))
    assert "nan" not in text


def test_ridge_is_where_computing_takes_as_long_as_reading():
    spec, plan = plan_for("llama-3.1-8b", "h100", weights="bf16")
    at: Any = ridge(spec, plan, 1000.0)
    below, on = decode_roofs(spec, plan, 1000.0, [at.batch - 1, at.batch])
    assert below.weights_compute_s < below.weights_memory_s
    assert on.weights_compute_s >= on.weights_memory_s
    assert at.by_peaks == pytest.approx(989.4e12 / 3.35e12, rel=0.01)  # 16 bit: FLOP per byte
    assert on.attention_memory_s > 10 * on.attention_compute_s


def test_ridge_moves_with_the_format_and_with_experts():
    wide = ridge(*plan_for("llama-3.1-8b", "a100", weights="bf16"), 1000.0)
    narrow = ridge(*plan_for("llama-3.1-8b", "a100", weights="awq-int4"), 1000.0)
    assert narrow.by_peaks < 0.4 * wide.by_peaks  # a quarter of the bytes, the same arithmetic
    moe: Any = ridge(*plan_for("qwen3-30b-a3b", "h100", weights="bf16"), 1000.0)
    assert moe.expert_tokens_frac == 8 / 128
    assert moe.batch > 1000


def test_ridge_words_of_a_pool_that_is_too_small(found):
    words = " ".join(ridge_words(found))
    assert "Attention stays memory-bound" in words
    small = ip.batching("llama-3.1-8b", "a10g", requests=100)
    assert "out of reach: memory is full before" in " ".join(ridge_words(small))


def test_static_batch_is_what_fits_whatever_the_lengths():
    two = asked([0.0, 0.0], [1000, 200], [10, 500])
    roomy, small = EngineRules(num_gpu_blocks=100_001), EngineRules(num_gpu_blocks=301)
    assert static_batch(roomy, two, None) == 32
    assert static_batch(small, two, None) == 4800 // 1500
    assert static_batch(roomy, two, 7) == 7
    for wrong in (0, -1, 257):
        with pytest.raises(InputError, match="--batch-size"):
            static_batch(roomy, two, wrong)


def test_all_at_once_keeps_conversations_in_order():
    two = asked([0.0, np.inf, 3.0], [5, 6, 7], [1, 1, 1], follows=[-1, 0, -1])
    assert all_at_once(two).arrival_s.tolist() == [0.0, math.inf, 0.0]


def test_longest_of_batch_takes_a_short_last_one():
    assert longest_of_batch(asked([0.0] * 3, [1] * 3, [4, 8, 6]), 2) == 7.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": -1.0}, "--rate"),
        ({"rate": math.nan}, "--rate"),
        ({"batch_size": 0}, "--batch-size"),
        ({"window_s": -1.0}, "--window"),
        ({"seed": -1}, "--seed"),
        ({"requests": 0}, "--requests"),
        ({"rate": 1.0, "concurrency": 2}, "exactly one"),
        ({"isl": 200_000}, "context"),
    ],
)
def test_bad_input_is_one_clear_error(options, words):
    with pytest.raises(InputError, match=words):
        ip.batching("llama-3.1-8b", "h100", **options)


def test_what_does_not_fit_is_said():
    with pytest.raises(CannotPredictError, match="does not fit"):
        ip.batching("llama-3.1-70b", "l40s", weights="bf16")


def test_figures_are_written(tmp_path, found):
    pytest.importorskip("matplotlib")
    from inferplan.report.batching import figure
    from inferplan.report.plots import save

    save(figure(found), tmp_path / "b.svg")
    assert "static" in (tmp_path / "b.svg").read_text(encoding="utf-8")


def test_html(found):
    assert "<table>" in found._repr_html_()
    assert to_text(found.page()) == str(found)
