"""Models small enough to run here: real architectures, whole or with fewer layers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inferplan.catalog.layers import Attention, DenseFfn, MoeFfn
from inferplan.catalog.models import model
from inferplan.catalog.types import ModelSpec
from inferplan.errors import CannotPredictError


@dataclass(frozen=True, slots=True)
class Shape:
    """A transformer whose layers are all alike: what a runner needs to build it.

    Parameters
    ----------
    name : str
        What to call it.
    hidden, vocab, layers : int
        Widths and depth.
    heads, kv_heads, head_dim : int
        Attention.
    ffn : int
        Inner width, of one expert where there are experts.
    experts, per_token : int
        Routed experts and how many a token uses; 0: a dense model.
    tied : bool
        The output head is the embedding.
    """

    name: str
    hidden: int
    vocab: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    experts: int
    per_token: int
    tied: bool

    @property
    def qkv(self) -> int:
        """Width of queries, keys and values together."""
        return (self.heads + 2 * self.kv_heads) * self.head_dim


def shape_of(spec: ModelSpec) -> Shape:
    """The shape of a model whose layers are all alike.

    Raises
    ------
    CannotPredictError
        If its layers differ, or are of a kind that the check does not run.

    Examples
    --------
    >>> shape_of(model("Llama-3.2-1B")).layers
    16
    """
    mixer, ffn = spec.mixers[0], spec.ffns[0]
    known = isinstance(mixer, Attention) and isinstance(ffn, DenseFfn | MoeFfn)
    if len(spec.mixers) > 1 or len(spec.ffns) > 1 or not known:
        raise CannotPredictError(f"{spec.id} has layers of several kinds; the check runs one")
    assert isinstance(mixer, Attention)
    assert isinstance(ffn, DenseFfn | MoeFfn)
    experts, each = (ffn.experts, ffn.experts_per_token) if isinstance(ffn, MoeFfn) else (0, 0)
    return Shape(
        name=spec.id, hidden=spec.hidden, vocab=spec.vocab, layers=mixer.count, heads=mixer.heads,
        kv_heads=mixer.kv_heads, head_dim=mixer.head_dim, ffn=ffn.width,
        experts=experts,
        per_token=each, tied=spec.tied_embeddings,
    )  # fmt: skip


def shortened(name: str, layers: int) -> ModelSpec:
    """A model of the catalogue with fewer layers, and that in its name.

    Examples
    --------
    >>> shortened("Llama-3.2-1B", 4).id
    'Llama-3.2-1B, 4 of 16 layers'
    >>> shortened("Llama-3.2-1B", 99).id
    'Llama-3.2-1B'
    """
    spec = model(name)
    full = spec.mixers[0].count
    if layers >= full:
        return spec
    return replace(
        spec,
        id=f"{spec.id}, {layers} of {full} layers",
        mixers=(replace(spec.mixers[0], count=layers),),
        ffns=(replace(spec.ffns[0], count=layers),),
        params_total_published=None,
        params_active_published=None,
    )


def narrow(layers: int, *, moe: bool = False) -> ModelSpec:
    """A model with next to no work in it: its steps take the fixed time of its operators.

    Examples
    --------
    >>> shape_of(narrow(3)).hidden
    256
    """
    base = model("Llama-3.2-1B")
    attention = Attention(layers, heads=4, kv_heads=2, head_dim=64, v_head_dim=64)
    dense = DenseFfn(layers, 512)
    routed = MoeFfn(layers, experts=16, experts_per_token=2, width=128)
    return replace(
        base, id=f"narrow, {layers} layers", hidden=256, vocab=2048, mixers=(attention,),
        ffns=(routed if moe else dense,), params_total_published=None,
        params_active_published=None,
    )  # fmt: skip
