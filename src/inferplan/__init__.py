"""Decide inference hardware with numbers: which, how many, configured how, at what cost.

>>> import inferplan as ip
>>> ip.fit("llama-3-70b", "h100_sxm", tp=4).kv_bytes_per_token
327680.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inferplan.api.batching import batching
    from inferplan.api.breakeven import breakeven
    from inferplan.api.calls import fit, predict, recommend
    from inferplan.api.capacity import capacity
    from inferplan.api.cost import cost_of
    from inferplan.api.derive import explain
    from inferplan.api.simulate import simulate
    from inferplan.api.sweep import sweep
    from inferplan.api.tco import tco
    from inferplan.catalog.devices import device, devices
    from inferplan.catalog.models import model, models

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "batching",
    "breakeven",
    "capacity",
    "cost_of",
    "device",
    "devices",
    "explain",
    "fit",
    "model",
    "models",
    "predict",
    "recommend",
    "simulate",
    "sweep",
    "tco",
]

_HOMES = {
    "batching": "inferplan.api.batching",
    "breakeven": "inferplan.api.breakeven",
    "capacity": "inferplan.api.capacity",
    "cost_of": "inferplan.api.cost",
    "recommend": "inferplan.api.calls",
    "predict": "inferplan.api.calls",
    "fit": "inferplan.api.calls",
    "explain": "inferplan.api.derive",
    "simulate": "inferplan.api.simulate",
    "sweep": "inferplan.api.sweep",
    "tco": "inferplan.api.tco",
    "device": "inferplan.catalog.devices",
    "devices": "inferplan.catalog.devices",
    "model": "inferplan.catalog.models",
    "models": "inferplan.catalog.models",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``import inferplan`` stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module 'inferplan' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
