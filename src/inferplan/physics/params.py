"""How many weights a layer holds: pure functions of its dimensions.

Every function takes and returns whole numbers. Biases and norms are not counted
here; a component of :mod:`inferplan.catalog.types` carries them as ``extra_params``.
"""

from __future__ import annotations


def attention_params(
    hidden: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    v_head_dim: int,
    *,
    shared_kv: bool = False,
    q_gate: bool = False,
) -> int:
    """Weights of the query, key, value and output projections of one layer.

    Parameters
    ----------
    hidden : int
        Model width.
    heads, kv_heads : int
        Query heads, and key/value heads.
    head_dim, v_head_dim : int
        Width of a query/key head and of a value head.
    shared_kv : bool
        One projection serves as key and value.
    q_gate : bool
        The query projection also yields an output gate.

    Returns
    -------
    int
        Weights.

    Notes
    -----
    Source: Ainslie et al. 2023, "GQA", section 2 (arXiv:2305.13245).

    Examples
    --------
    Llama 3 8B:

    >>> attention_params(4096, 32, 8, 128, 128)
    41943040
    """
    queries = heads * head_dim * (2 if q_gate else 1)
    keys_values = kv_heads * (head_dim + (0 if shared_kv else v_head_dim))
    return hidden * (queries + keys_values) + heads * v_head_dim * hidden


def latent_attention_params(
    hidden: int,
    heads: int,
    q_lora_rank: int,
    kv_lora_rank: int,
    rope_dim: int,
    nope_dim: int,
    v_head_dim: int,
) -> int:
    """Weights of the projections of one multi-head latent attention layer.

    Parameters
    ----------
    hidden, heads : int
        Model width and query heads.
    q_lora_rank : int
        Rank of the query compression; 0: queries come straight from the model width.
    kv_lora_rank, rope_dim : int
        Width of the cached latent and of the shared rotary key.
    nope_dim, v_head_dim : int
        Per-head width of the non-rotary key part, and of the value.

    Returns
    -------
    int
        Weights.

    Notes
    -----
    Source: DeepSeek-V2, section 2.1.2 and appendix C (arXiv:2405.04434).

    Examples
    --------
    DeepSeek-V3:

    >>> latent_attention_params(7168, 128, 1536, 512, 64, 128, 128)
    187105280
    """
    head_dim = nope_dim + rope_dim
    queries = (
        q_lora_rank * (hidden + heads * head_dim) if q_lora_rank else hidden * heads * head_dim
    )
    latent = hidden * (kv_lora_rank + rope_dim)
    keys_values = kv_lora_rank * heads * (nope_dim + v_head_dim)
    return queries + latent + keys_values + heads * v_head_dim * hidden


def ffn_params(hidden: int, width: int, *, gated: bool) -> int:
    """Weights of one feed-forward layer, or of one expert.

    Parameters
    ----------
    hidden : int
        Width that goes in and comes out.
    width : int
        Inner width.
    gated : bool
        Three matrices (gate, up, down) instead of two.

    Returns
    -------
    int
        Weights.

    Notes
    -----
    Source: Shazeer 2020, "GLU variants", equation 6 (arXiv:2002.05202).

    Examples
    --------
    >>> ffn_params(4096, 14336, gated=True)
    176160768
    """
    return (3 if gated else 2) * hidden * width


def expert_params(hidden: int, width: int, *, gated: bool, latent: int = 0) -> int:
    """Weights of one routed expert, which may work in a narrower latent space.

    Parameters
    ----------
    hidden, width : int
        Model width and inner width of the expert.
    gated : bool
        Three matrices instead of two.
    latent : int
        Width the experts work in; 0: the model width.

    Returns
    -------
    int
        Weights.

    Notes
    -----
    Source: Fedus et al. 2021, "Switch transformers", section 2 (arXiv:2101.03961);
    latent experts: Nemotron 3 Super and Kimi K3 model cards.

    Examples
    --------
    Mixtral 8x7B:

    >>> expert_params(4096, 14336, gated=True)
    176160768
    """
    return ffn_params(latent or hidden, width, gated=gated)


def latent_projection_params(hidden: int, latent: int) -> int:
    """Weights of the projections into and out of the experts' latent space; 0 without one.

    Parameters
    ----------
    hidden, latent : int
        Model width; width the experts work in, or 0.

    Returns
    -------
    int
        Weights.

    Notes
    -----
    Source: Nemotron 3 Super model card.

    Examples
    --------
    >>> latent_projection_params(4096, 1024)
    8388608
    """
    return 2 * hidden * latent


def embedding_params(vocab: int, hidden: int) -> int:
    """Weights of a vocabulary matrix: token table or output head.

    Parameters
    ----------
    vocab, hidden : int
        Rows and model width.

    Returns
    -------
    int
        Weights.

    Notes
    -----
    Source: Vaswani et al. 2017, section 3.4 (arXiv:1706.03762).

    Examples
    --------
    >>> embedding_params(128256, 4096)
    525336576
    """
    return vocab * hidden
