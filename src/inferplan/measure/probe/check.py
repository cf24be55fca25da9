"""Run whole models and compare with what the fitted device predicts of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from inferplan.catalog.efficiency import engine as engine_of
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.catalog.types import Device
from inferplan.errors import CannotPredictError, InputError
from inferplan.estimate.deployment import with_defaults
from inferplan.estimate.predict import predict
from inferplan.measure.probe.as_device import fit
from inferplan.measure.probe.collect import FAILURES, is_out_of_memory
from inferplan.measure.probe.machine_facts import load_average, without_paths
from inferplan.measure.probe.runner import Case, Runner, Times
from inferplan.measure.probe.samples import Skipped, spread_of
from inferplan.measure.probe.shape import shortened

if TYPE_CHECKING:
    from inferplan.measure.probe.session import Session

DENSE, ROUTED, SMALL = "Llama-3.1-8B", "Qwen3-30B-A3B", "Llama-3.2-1B"
CHECK_S = 240.0
"""Time after which no further model is run [s]."""


def cases(session: Session) -> Iterator[tuple[Runner, Case]]:
    """What is run: every runner in each of its formats."""
    large, quick = bool(session.machine["accelerator"]), session.wish.quick
    for runner in session.runners:
        for weights in runner.formats():
            if not large:
                spec = shortened(SMALL, 4 if quick else 16)
                yield runner, Case(spec, weights, isl=128, osl=24)
                continue
            spec = shortened(DENSE, 8 if quick else 32)
            one = runner.engine == "llama.cpp"
            for batch in (1,) if quick or one else (1, 16):
                yield runner, Case(spec, weights, isl=1024, osl=48, batch=batch)
    if large and not quick:
        yield from _routed(session)


def _routed(session: Session) -> Iterator[tuple[Runner, Case]]:
    """A model with experts; as many of its layers as the memory holds twice over."""
    memory = session.machine["accelerator"]["memory_bytes"]
    layers = max(2, min(48, int(memory * 0.4 / 1.3e9)))
    for runner in session.runners:
        for weights in runner.formats() if runner.engine != "llama.cpp" else ():
            for batch in (1, 16):
                spec = shortened(ROUTED, layers)
                yield runner, Case(spec, weights, isl=1024, osl=48, batch=batch)


def check_models(session: Session, progress: Callable[[int, int], None]) -> None:
    """Run the models of a session; add a row for each to its check.

    Parameters
    ----------
    session : Session
        Its operators are measured; grows, and its file is rewritten after each model.
    progress : callable
        Told (models run, models there are).
    """
    try:
        device = fit(session.probe()).device
    except CannotPredictError as error:
        session.found.skipped.append(Skipped("the check of whole models", error.reason))
        return
    wanted = list(cases(session))
    until = time.perf_counter() + CHECK_S
    for number, (runner, case) in enumerate(wanted):
        progress(number, len(wanted))
        what = f"{runner.engine} {case.spec.id} {case.weights} batch {case.batch}"
        if time.perf_counter() > until:
            session.found.skipped.append(Skipped(what, "no time left"))
            continue
        try:
            times = runner.run(case)
            session.check.append(row(runner.engine, case, times, device))
        except (CannotPredictError, InputError) as error:
            session.found.skipped.append(Skipped(what, str(error)))
        except FAILURES as error:
            kind = "out of memory: " if is_out_of_memory(error) else ""
            said = without_paths(str(error)) or type(error).__name__
            session.found.skipped.append(Skipped(what, kind + said))
        session.save()
    progress(len(wanted), len(wanted))


def row(engine: str, case: Case, times: Times, device: Device) -> dict[str, Any]:
    """One line of the check: what was measured, and what is predicted of it.

    Parameters
    ----------
    engine : str
        Of the catalogue.
    case : Case
        What was run.
    times : Times
        What it took.
    device : Device
        What it ran on.
    """
    prefill_s, step_s = predicted(engine, case, device)
    measured = statistics.median(times.prefill_s) if times.prefill_s else None
    step = statistics.median(times.step_s)
    return {
        "engine": engine, "model": case.spec.id, "weights": case.weights, "isl": case.isl,
        "steps": len(times.step_s), "batch": case.batch, "prefill_s": measured,
        "predicted_prefill_s": prefill_s, "decode_s": step, "predicted_decode_s": step_s,
        "decode_tok_s": case.batch / step, "predicted_decode_tok_s": case.batch / step_s,
        "prefill_error": prefill_s / measured - 1 if measured else None,
        "decode_error": step_s / step - 1, "prefill_spread": spread_of(times.prefill_s),
        "decode_spread": spread_of(times.step_s), "load": load_average(),
        "prefill_times_s": list(times.prefill_s), "decode_times_s": list(times.step_s),
    }  # fmt: skip


def predicted(engine: str, case: Case, device: Device) -> tuple[float, float]:
    """Time of one prompt and of one decode step of a case [s]."""
    weights = weight_format(case.weights)
    kv = kv_format("fp32" if case.weights == "fp32" else "fp16")
    plan = with_defaults(device, weights, kv, engine_of(engine))
    plan = replace(plan, max_num_seqs=max(plan.max_num_seqs, case.batch))
    found = predict(case.spec, plan, case.isl, case.osl, case.batch)
    return found.prefill.time_s, found.tpot_s


def again(check_row: dict[str, Any], device: Device) -> tuple[float, float]:
    """What a device predicts of a row of an earlier check, by the names in it [s].

    Raises
    ------
    InputError
        If the row names a model, a format or an engine that is not known.
    """
    name, _, rest = str(check_row["model"]).partition(", ")
    layers = int(rest.split()[0]) if rest else 10**6
    case = Case(
        shortened(name, layers), str(check_row["weights"]), int(check_row["isl"]),
        int(check_row["steps"]), int(check_row["batch"]),
    )  # fmt: skip
    return predicted(str(check_row["engine"]), case, device)
