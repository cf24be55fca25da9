"""How sure a figure of a deployment is: its 90 % interval, and what it rests on."""

from __future__ import annotations

from inferplan.catalog.evidence import Confidence, interval
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import calibration_keys


def confidence(
    plan: Deployment,
    kind: str,
    value: float,
    load: str = "alone",
    stretch: float = 1.0,
    evidence: str | None = None,
) -> Confidence:
    """The interval of a predicted figure.

    Parameters
    ----------
    plan : Deployment
        What the figure is of.
    kind : str
        One of :data:`inferplan.catalog.evidence.KINDS`: ``tpot``, ``throughput``, ...
    value : float
        The figure; the interval has its unit.
    load : str
        One of :data:`inferplan.catalog.evidence.LOADS`.
    stretch : float
        Latency over that of a request that is alone; nan where unknown counts as 1.
    evidence : str, optional
        One of :data:`inferplan.catalog.evidence.EVIDENCE`: as if it rested on that.

    Raises
    ------
    CannotPredictError
        If the device cannot run the weight format.

    Examples
    --------
    >>> from inferplan.catalog import devices, efficiency, formats
    >>> plan = Deployment(devices.device("h100_sxm"), formats.weight_format("fp8"),
    ...     formats.kv_format("fp16"), efficiency.engine("vllm"))
    >>> found = confidence(plan, "tpot", 0.01)
    >>> found.low < 0.01 < found.high, found.evidence
    (True, 'device and engine')
    """
    return interval(kind, calibration_keys(plan), value, load, stretch, evidence)
