"""Errors of public pages (stack.md A3): the claimed figure is rejected, the right one computed."""

import pytest

from inferplan.catalog.devices import device
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.catalog.models import model
from inferplan.cost.per_token import usd_per_mtok
from inferplan.estimate.deployment import Deployment, default_engine
from inferplan.estimate.kv import kv_bytes_per_seq
from inferplan.estimate.params import count_params
from inferplan.estimate.predict import predict
from inferplan.physics.roofline import memory_time
from inferplan.units import GB, MONTH_H


def test_peakinfer_cost_per_token():
    # $2.50 / (50 tok/s x 3600 s) = $2.50 / 0.18 Mtok = $13.89, a hundred times the claimed $0.14
    cost = usd_per_mtok(2.50, 50)
    assert cost == pytest.approx(13.89, abs=0.005)
    assert cost / 0.14 == pytest.approx(99.2, abs=0.1)


def test_deploybase_cost_per_token():
    # $0.34 / (150 x 3600 / 1e6) = $0.34 / 0.54 Mtok = $0.63, not $2.27
    assert usd_per_mtok(0.34, 150) == pytest.approx(0.63, abs=0.005)


def test_kshirol_break_even():
    # $4,608 a month at $10 per Mtok pays for 460.8 Mtok; the page says 0.46 M
    month_s = MONTH_H * 3600
    hourly = 4608 / MONTH_H
    assert usd_per_mtok(hourly, 460.8e6 / month_s) == pytest.approx(10.0, rel=1e-12)
    assert usd_per_mtok(hourly, 0.4608e6 / month_s) == pytest.approx(10_000, rel=1e-12)


def test_gputracker_speed_of_a_4090():
    card = device("rtx4090")
    # 8 G weights x 2 B = 16 GB over 1,008 GB/s: 63 tok/s for one sequence at most, not 2,500
    bound = 1 / memory_time(16 * GB, card.mem_bytes_per_s, 1.0)
    assert bound == pytest.approx(63, abs=0.1)
    plan = Deployment(card, weight_format("fp16"), kv_format("fp16"), default_engine(card))
    predicted = predict(model("Llama-3-8B"), plan, 500, 100).decode_tok_s_per_user
    assert 0.5 * bound < predicted < bound * 16.0 / 15.0  # 15.0 GB: the token table is not read


def test_spheron_sparse_against_dense():
    # H100 1,979 TFLOP/s is with 2:4 sparsity; dense 989.4. 4090: 165.2 dense. 6 x, not 12 x
    h100, rtx4090 = (device(n).peak_flop_per_s["fp16"] / 1e12 for n in ("h100_sxm", "rtx4090"))
    assert (h100, rtx4090) == (989.4, 165.2)
    assert h100 / rtx4090 == pytest.approx(5.99, abs=0.01)


def test_substratus_formula_knows_no_cache():
    # P x 4 / (32 / Q) x 1.2 for 70 G weights in 16 bit: 168 GB, of which 28 GB for "the rest"
    spec = model("Llama-3-70B")
    formula = 70 * 4 / (32 / 16) * 1.2 * GB
    assert formula == pytest.approx(168 * GB)
    # 100 users of 4,096 tokens need 134 GB of cache beside 141 GB of weights
    needed = 2.0 * count_params(spec).total + 100 * kv_bytes_per_seq(spec, 4096, 16)
    assert needed == pytest.approx(275.3 * GB, rel=1e-3)
    assert needed > 1.6 * formula


def test_course_page_kv_of_a_70b():
    # 2 x 80 x 8192 x 2 B x 4096 = 10.7 GB takes all 64 heads; with 8 KV heads it is 1.34 GB
    claimed = 2 * 80 * 8192 * 2 * 4096
    actual = kv_bytes_per_seq(model("Llama-3-70B"), 4096, 16)
    assert actual == pytest.approx(1.34 * GB, rel=0.002)
    assert claimed / actual == 8
