"""Where paid capacity goes: from a fleet that is always full to one that is really used."""

from __future__ import annotations

from dataclasses import dataclass

from inferplan.provenance import formula
from inferplan.units import Num


@dataclass(frozen=True, slots=True)
class Loss:
    """A reason why capacity is paid for and not used.

    Parameters
    ----------
    name : str
        The reason.
    used_frac : float
        What it leaves, as a share of what was left before it.
    """

    name: str
    used_frac: float


@formula("mean_demand / capacity * duty_frac", unit="1", source="definition")
def utilisation(mean_demand: Num, capacity: Num, duty_frac: Num) -> Num:
    """Share of the paid capacity that is used.

    Parameters
    ----------
    mean_demand : float or array
        Mean load while there is any, in the unit of *capacity*.
    capacity : float or array
        Largest load within the objectives of all that is paid for.
    duty_frac : float or array
        Share of the paid hours in which there is a load.

    Examples
    --------
    >>> utilisation(5.0, 20.0, 0.5)
    0.125
    """
    return mean_demand / capacity * duty_frac


def losses(
    *, each: float, replicas: int, spares: int, peak: float, mean: float, headroom_frac: float,
    duty_frac: float,
) -> tuple[Loss, ...]:  # fmt: skip
    """Why a fleet is not always full; the product of the shares is its :func:`utilisation`.

    Parameters
    ----------
    each : float
        Capacity of one replica [1/s, or another unit of load].
    replicas, spares : int
        Replicas that carry the load, and idle ones beside them.
    peak, mean : float
        Highest and mean load, in the unit of *each*.
    headroom_frac : float
        Growth that the fleet has to bear above the peak.
    duty_frac : float
        Share of the paid hours in which there is a load.

    Examples
    --------
    >>> found = losses(each=4.0, replicas=3, spares=1, peak=10.0, mean=5.0, headroom_frac=0.1,
    ...                duty_frac=0.5)
    >>> [(loss.name, round(loss.used_frac, 3)) for loss in found]
    [('whole replicas', 0.917), ('headroom', 0.909), ('spare replicas', 0.75), ('daily swing', 0.5), ('hours without load', 0.5)]
    """  # noqa: E501
    sized = peak * (1.0 + headroom_frac)
    return (
        Loss("whole replicas", sized / (replicas * each)),
        Loss("headroom", peak / sized),
        Loss("spare replicas", replicas / (replicas + spares)),
        Loss("daily swing", mean / peak),
        Loss("hours without load", duty_frac),
    )
