"""One model's published dimensions as flat numbers, before they are grouped into components.

A catalogue row, a ``config.json`` and a GGUF header are each read into a
:class:`Shape`; :mod:`inferplan.catalog.build_model` turns any of them into the
same :class:`~inferplan.catalog.types.ModelSpec`.

``hints`` says what else a layer holds. Switches (``1`` = present): ``qkv_bias``,
``o_bias``, ``mlp_bias``, ``expert_bias``, ``head_bias``, ``router_bias``,
``norm_bias`` (LayerNorm), ``single_norm`` (one norm per layer), ``sinks`` (one
sink per head), ``sinks_w`` (on window layers only), ``q_gate`` and ``attn_gate``
(output gate as wide as the queries), ``head_gate`` (one gate per head),
``shared_gate``, ``bitnet``, ``layer_scalar``, ``kda_full_gate``, ``mla_gate``,
``mtp_dense``, ``mtp_window``, ``g_keqv``, ``g4moe``, ``jamba_norm``,
``extra_norms`` (an embedding norm), ``v4``. Numbers: ``norms`` per layer,
``pos_emb`` rows, ``extra_emb`` rows, ``ffn_sum`` (sum of unequal FFN widths),
``cross`` (cross-attention layers), ``w_heads`` and ``w_kv`` (heads on window
layers), ``g_hd`` and ``g_kv`` (head width and KV heads on global layers),
``kv_shared`` and ``kv_shared_full`` (layers that reuse an earlier cache),
``wide`` (layers with a double FFN), ``ple``, ``ple_vocab``, ``altup``,
``laurel``, ``latent``, ``router_extra``, ``att_per_layer``, ``mtp_emb`` (copies
of the vocabulary in an MTP module), ``idx_*`` and ``msa_*`` (sparse-attention
indexers), ``o_groups``, ``o_lora``, ``hc``, ``c4``, ``c128`` (DeepSeek-V4) and
the state sizes of linear layers. Words: ``qk_norm`` (``head``, ``full`` or
``perhead``) and ``lin`` (``gdn``, ``kda``, ``mamba1``, ``mamba2``,
``lightning``, ``lfm2``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Shape:
    """Published dimensions of one model.

    Parameters
    ----------
    name : str
        Canonical name.
    hidden, vocab, layers, context_max : int
        Model width, vocabulary, layers, longest context [tokens].
    heads, kv_heads, head_dim, v_head_dim : int
        Attention heads and widths (of MLA: head_dim = nope + rope).
    full_layers, window_layers, linear_layers : int
        Layers whose cache grows, is bounded, or is a recurrent state.
    window : int
        Tokens a window layer looks back; 0: no such layers.
    q_lora, kv_lora, rope_dim, nope_dim : int
        Latent attention; ``kv_lora`` 0: none.
    ffn : int
        Width of the dense feed-forward layers.
    gated, tied : bool
        Gate matrix in the FFN; head shares the embedding.
    dense_layers, moe_layers : int
        Feed-forward layers of each kind.
    experts, experts_per_token, moe_ffn, shared_ffn : int
        Routed experts, how many a token uses, their width; total width of shared ones.
    mtp_layers : int
        Multi-token-prediction modules.
    hints : mapping
        What else a layer holds; see the module's text.

    Examples
    --------
    >>> Shape("toy", hints={"norms": "4"}).number("norms", 2)
    4
    """

    name: str
    hidden: int = 0
    vocab: int = 0
    layers: int = 0
    context_max: int = 0
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    v_head_dim: int = 0
    full_layers: int = 0
    window_layers: int = 0
    linear_layers: int = 0
    window: int = 0
    q_lora: int = 0
    kv_lora: int = 0
    rope_dim: int = 0
    nope_dim: int = 0
    ffn: int = 0
    gated: bool = True
    tied: bool = False
    dense_layers: int = 0
    moe_layers: int = 0
    experts: int = 0
    experts_per_token: int = 0
    moe_ffn: int = 0
    shared_ffn: int = 0
    mtp_layers: int = 0
    hints: Mapping[str, str] = field(default_factory=dict)

    def number(self, hint: str, default: int = 0) -> int:
        """The number of a hint, or *default* where the hint is absent."""
        return int(self.hints.get(hint, default))

    def word(self, hint: str) -> str:
        """The word of a hint, or nothing."""
        return self.hints.get(hint, "")

    @property
    def norm(self) -> int:
        """Weights of one norm over the model width."""
        return self.hidden * (2 if self.number("norm_bias") else 1)

    @property
    def mixer_norms(self) -> int:
        """Norms counted with a layer's token mixer."""
        return min(1 if self.number("single_norm") else self.number("norms", 2) // 2 or 1, 2)

    @property
    def ffn_norms(self) -> int:
        """Norms counted with a layer's feed-forward part."""
        if self.number("single_norm"):
            return 1
        return self.number("norms", 2) - self.mixer_norms


_INTEGERS = {
    "context_max": "context_max", "vocab": "vocab", "hidden": "hidden", "layers": "layers",
    "heads": "heads", "kv_heads": "kv_heads", "head_dim": "head_dim", "ffn": "ffn",
    "full_layers": "full_layers", "window_layers": "window_layers",
    "linear_layers": "linear_layers", "window": "window", "q_lora": "mla_q_lora",
    "kv_lora": "mla_kv_lora", "rope_dim": "mla_rope_dim", "nope_dim": "mla_nope_dim",
    "dense_layers": "dense_layers", "moe_layers": "moe_layers", "experts": "experts",
    "experts_per_token": "experts_per_token", "moe_ffn": "moe_ffn", "shared_ffn": "shared_ffn",
    "mtp_layers": "mtp_layers",
}  # fmt: skip
"""Shape field -> column of ``models.csv``."""


def parse_hints(text: str) -> dict[str, str]:
    """The ``count_hints`` column as a dictionary.

    Examples
    --------
    >>> parse_hints("qkv_bias=1;qk_norm=head")
    {'qkv_bias': '1', 'qk_norm': 'head'}
    """
    return dict(part.split("=", 1) for part in text.split(";") if part)


def shape_from_row(row: Mapping[str, str]) -> Shape:
    """Read the dimension columns of one row of ``models.csv``; empty means 0.

    Examples
    --------
    >>> from inferplan.catalog.table import rows
    >>> shape_from_row(next(rows("models.csv"))).hidden
    4096
    """
    numbers = {field: int(row[column] or 0) for field, column in _INTEGERS.items()}
    return Shape(
        row["name"],
        v_head_dim=int(row["v_head_dim"] or row["head_dim"]),
        gated=row["activation"] == "y",
        tied=row["tie_embeddings"] == "y",
        hints=parse_hints(row["count_hints"]),
        **numbers,
    )
