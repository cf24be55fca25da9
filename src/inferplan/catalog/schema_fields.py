"""Keys of the files a user may write, and how each value is checked (pydantic)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from inferplan.errors import InputError
from inferplan.units import parse_bytes

_SIZE = "a size such as 80GB (1e9) or 80GiB (2**30)"
_RATE = "a rate such as 3.35TB/s"


def _size(value: Any) -> float:
    try:
        return parse_bytes(str(value))
    except InputError as error:
        raise ValueError(error.problem) from error


def _rate(value: Any) -> float:
    text = str(value).strip()
    if not text.endswith("/s"):
        message = "has no unit per second"
        raise ValueError(message)
    return _size(text[:-2])


def _not_bool(value: Any) -> Any:
    if isinstance(value, bool):
        message = "is not a number"
        raise ValueError(message)  # noqa: TRY004 - pydantic reports ValueError
    return value


Size = Annotated[float, BeforeValidator(_size)]
Rate = Annotated[float, BeforeValidator(_rate)]
Positive = Annotated[float, BeforeValidator(_not_bool), Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, BeforeValidator(_not_bool), Field(ge=1, le=100_000)]
Text = Annotated[str, BeforeValidator(str), Field(min_length=1)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class LinkFile(_Shape):
    """The ``link`` block of a device file."""

    kind: Text = Field(description="a kind such as nvlink or pcie")
    bandwidth: Rate = Field(description=_RATE)
    domain_size: Count = Field(8, description="how many devices it joins")


class DeviceFile(_Shape):
    """A device file as written; see ``examples/my_device.yaml``."""

    id: Text = Field(description="a short name for the device")
    based_on: Text | None = Field(None, description="a device of the catalogue to inherit from")
    name: Text | None = None
    vendor: Text | None = None
    device_class: Literal["datacenter", "consumer", "edge", "apple", "cpu"] | None = Field(
        None, alias="class", description="datacenter, consumer, edge, apple or cpu"
    )
    architecture: Text | None = Field(None, description="an architecture such as hopper")
    profile: Text | None = Field(None, description="a profile such as nvidia_datacenter")
    year: Count | None = Field(None, description="the launch year")
    memory: Size | None = Field(None, description=_SIZE)
    memory_bandwidth: Rate | None = Field(None, description=_RATE)
    peak_tflops: dict[str, Positive] = Field(
        {}, description="dense TFLOP/s per format, e.g. {fp16: 989}"
    )
    link: LinkFile | None = Field(None, description="kind, bandwidth and domain_size")
    pcie_bandwidth: Rate | None = Field(None, description=_RATE + ", one direction")
    tdp_w: Positive | None = Field(None, description="watts")
    price_usd: Positive | None = Field(None, description="US dollars")
    price_scope: Literal["card", "system"] | None = Field(None, description="card or system")
    aliases: list[Text] = Field([], description="a list of other names")
    source: Text | None = Field(None, description="where the numbers come from")
    date: Text | None = Field(None, description="the day of the numbers")


class OfferFile(_Shape):
    """One row of a price file; see ``examples/my_prices.csv``."""

    provider: Text = Field(description="who rents it out")
    device: Text = Field(description="a device of the catalogue")
    usd_per_h: Positive = Field(description="the price of the whole instance per hour, above zero")
    instance: Text = Field("", description="the instance's name")
    region: Text = Field("any", description="a region")
    count: Count = Field(1, description="accelerators in the instance, 1 or more")
    kind: Literal["on_demand", "spot", "reserved"] = Field(
        "on_demand", description="on_demand, spot or reserved"
    )
    as_of: Text = Field("", description="the day of the price, e.g. 2026-11-22")
    source: Text = Field("", description="where the price was seen")
    dated: Text = Field("", description="nothing: it follows from as_of")
    note: Text = Field("", description="a remark")
