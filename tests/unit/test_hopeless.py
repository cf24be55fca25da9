"""Stopping a simulation early: never one that would keep the objectives, and often the others."""

from dataclasses import replace

import numpy as np
import pytest

from inferplan.api.build import build_plan, find_device, find_model
from inferplan.metrics.slo import Slo
from inferplan.serving.demand import scenario_of
from inferplan.serving.fleet import make_fleet
from inferplan.serving.hopeless import hopeless
from inferplan.serving.kernel import layout as at
from inferplan.serving.outcome import outcome
from inferplan.serving.run import run, run_unless
from inferplan.workload.load import Load

LIMITS = {"ttft": (0.05, 0.4, 3.0), "tpot": (0.01, 0.03, 0.3), "e2e": (0.5, 5.0, 50.0)}


@pytest.fixture(scope="module")
def replica():
    spec, _ = find_model("llama-3.1-8b")
    return make_fleet(spec, build_plan(spec, find_device("a100_sxm_80")), 640)


def requests_of(n, **load):
    return replace(scenario_of(Load(512, 128, **load)), n=n).requests(5)


@pytest.mark.parametrize("statistic", ["mean", "p50", "p95", "p99"])
@pytest.mark.parametrize("rate", [1.0, 6.0, 30.0])
def test_it_stops_only_runs_that_miss_and_changes_no_other(replica, rate, statistic):
    requests = requests_of(600, rate_per_s=rate)
    whole = run(replica, requests, timeline=False)
    shown = outcome(whole)
    latencies = {"ttft": shown.ttft, "tpot": shown.tpot, "e2e": shown.e2e}
    for metric, limits in LIMITS.items():
        for limit in limits:
            slo = Slo(metric, statistic, limit)
            stop = hopeless(requests, [slo], replica.request_overhead_s)
            found = run_unless(replica, requests, stop)
            if found is None:
                assert not slo.met_by(latencies)
            else:
                assert np.array_equal(found.finish_s, whole.finish_s)


def test_an_overloaded_fleet_is_given_up_before_its_end(replica):
    requests, seen = requests_of(3000, rate_per_s=60.0), []
    stop = hopeless(requests, [Slo("ttft", "p95", 0.5)])

    def watched(times):
        seen.append(np.isnan(times[:, at.FINISH]).mean())
        return stop(times)

    assert run_unless(replica, requests, watched) is None
    assert seen[-1] > 0.4


def test_no_run_of_a_closed_loop_is_stopped(replica):
    requests = requests_of(300, concurrency=64)
    assert run_unless(replica, requests, hopeless(requests, [Slo("e2e", "p50", 1e-9)]))
