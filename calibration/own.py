"""The project's own measurements: probes of known machines, under ``calibration/measurements``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inferplan.errors import InferplanError
from inferplan.measure.probe.as_device import Fitted, fit
from inferplan.measure.probe.check import again
from inferplan.measure.probe.record import read_probe
from inferplan.measure.truth import TruthRow

FOLDER = Path(__file__).parent / "measurements"


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A measured phase of a whole model, and what the model says of it today.

    Parameters
    ----------
    file, engine, model, weights, phase : str
        What was measured; the phase is ``prefill`` or ``decode``.
    measured_s, predicted_s : float
        Time of the prompt, or of a decode step [s].
    """

    file: str
    engine: str
    model: str
    weights: str
    phase: str
    measured_s: float
    predicted_s: float

    @property
    def error(self) -> float:
        """Predicted over measured, minus one."""
        return self.predicted_s / self.measured_s - 1


def own_probes(folder: Path = FOLDER) -> list[tuple[str, Fitted]]:
    """Every complete probe of the folder, fitted; one marked partial is left out.

    Raises
    ------
    InferplanError
        If a file is no probe.
    """
    read = ((path.stem, read_probe(path, "measurements")) for path in sorted(folder.glob("*.json")))
    return [(name, fit(probe)) for name, probe in read if not probe.partial]


def reproduced(folder: Path = FOLDER) -> Iterator[Reproduced]:
    """Every measured phase of a whole model, predicted anew from the operators of its probe.

    A row whose model, format or engine the catalogue no longer knows is left out.
    """
    for name, found in own_probes(folder):
        for row in found.probe.check:
            try:
                times = again(dict(row), found.device)
            except InferplanError:
                continue
            for phase, predicted_s in zip(("prefill", "decode"), times, strict=True):
                if row.get(f"{phase}_s"):
                    yield Reproduced(name, row["engine"], row["model"], row["weights"], phase,
                                     row[f"{phase}_s"], predicted_s)  # fmt: skip


def truth_rows(folder: Path = FOLDER) -> Iterator[TruthRow]:
    """The checks as rows that the fit of the shifts can read beside public measurements.

    Only whole models on devices that the catalogue has: a shift belongs to a known device.
    """
    for name, found in own_probes(folder):
        if not found.like:
            continue
        for number, row in enumerate(found.probe.check):
            if "layers" in row["model"]:
                continue
            if row.get("prefill_s") and row["batch"] == 1:
                yield _row(name, found, number, "ttft_p50_ms", row["prefill_s"])
            yield _row(name, found, number, "tpot_p50_ms", row["decode_s"])


def _row(name: str, found: Fitted, number: int, metric: str, time_s: float) -> TruthRow:
    row = found.probe.check[number]
    batch = int(row["batch"])
    return TruthRow(
        case_id=f"{name}-{number}", source="inferplan probe",
        source_url_or_repo_path=f"calibration/measurements/{name}.json", date=found.probe.date,
        hardware=found.like, n_accel=1, tp=1, pp=1, dp=1, model=row["model"],
        weights=row["weights"], kv_cache="16bit", engine=row["engine"], engine_version="",
        scenario="single_stream" if batch == 1 else "static_batch", isl=float(row["isl"]),
        osl=float(row["steps"]), len_kind="fixed", concurrency_or_batch=batch, request_rate=None,
        metric=metric, value=time_s * 1e3, unit="ms", notes="random weights",
        family=row["model"].lower(), scored=True,
    )  # fmt: skip
