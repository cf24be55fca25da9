"""Operations of a transformer's parts. A multiply-add counts as two."""

from __future__ import annotations

from inferplan.provenance import formula
from inferplan.units import Num

KAPLAN = "Kaplan et al. 2020, arXiv:2001.08361, section 2.1"
DAO = "Dao et al. 2022, arXiv:2205.14135 (FlashAttention), section 3"


@formula("2 * tokens * params / shards", unit="FLOP", source=KAPLAN)
def matmul_flop(tokens: Num, params: Num, shards: Num) -> Num:
    """Operations of *tokens* rows through matrices of *params* weights on one of *shards* [FLOP].

    Parameters
    ----------
    tokens : float or array
        Rows of the product.
    params : float or array
        Weights each row meets.
    shards : float or array
        Devices the matrices are split over.

    Examples
    --------
    >>> matmul_flop(4, 8e9, 1)
    64000000000.0
    """
    return 2.0 * tokens * params / shards


@formula(
    "2 * queries * context * heads * (qk_dim + v_dim) * layers / shards", unit="FLOP", source=DAO
)
def attention_flop(
    queries: Num, context: Num, heads: Num, qk_dim: Num, v_dim: Num, layers: Num, shards: Num
) -> Num:
    """Operations of softmax(QK^T)V [FLOP].

    Parameters
    ----------
    queries : float or array
        Query tokens.
    context : float or array
        Mean number of tokens each query attends to.
    heads, qk_dim, v_dim : float or array
        Query heads, width of a query/key head, width of a value head.
    layers, shards : float or array
        Layers of this shape; devices the heads are split over.

    Examples
    --------
    >>> attention_flop(1, 1000, 32, 128, 128, 1, 1)
    16384000.0
    """
    return 2.0 * queries * context * heads * (qk_dim + v_dim) * layers / shards


@formula(
    "4 * tokens * state_elements * layers / shards",
    unit="FLOP",
    source="state update and read-out, one multiply-add each (Dao, Gu 2024, arXiv:2405.21060)",
)
def state_flop(tokens: Num, state_elements: Num, layers: Num, shards: Num) -> Num:
    """Operations of a recurrent mixer's state update and read-out [FLOP].

    Parameters
    ----------
    tokens : float or array
        Tokens processed.
    state_elements : float or array
        State elements per sequence and layer.
    layers, shards : float or array
        Layers of this shape; devices they are split over.

    Examples
    --------
    >>> state_flop(1, 1000, 2, 1)
    8000.0
    """
    return 4.0 * tokens * state_elements * layers / shards


@formula("past + (new + 1) / 2", unit="tokens", source="mean of past+1 .. past+new (causal mask)")
def causal_context(past: Num, new: Num) -> Num:
    """Mean number of tokens that *new* tokens attend to, behind *past* cached ones [tokens].

    Examples
    --------
    >>> causal_context(0, 3)
    2.0
    """
    return past + (new + 1.0) / 2.0


@formula(
    "tokens ** spread",
    unit="tokens",
    source="fitted to measured runs: tokens of a batch prefer the same experts",
)
def independent_tokens(tokens: Num, spread: Num) -> Num:
    """Tokens that choose their experts independently, as many as touch the experts of all.

    Parameters
    ----------
    tokens : float or array
        Tokens in the step.
    spread : float or array
        1: all choose independently and uniformly; 0: all choose the same experts.

    Examples
    --------
    >>> independent_tokens(1, 0.9), round(independent_tokens(64, 0.9), 1)
    (1.0, 42.2)
    """
    return tokens**spread


@formula(
    "experts * (1 - (1 - per_token / experts) ** tokens)",
    unit="experts",
    source="expected distinct draws, uniform routing (occupancy problem, Feller 1968 vol. 1 IV.2)",
)
def experts_touched(experts: Num, per_token: Num, tokens: Num) -> Num:
    """Expected number of distinct experts of a layer that *tokens* use [experts].

    Assumes uniform, independent routing: an upper bound, since real routing is skewed. See
    :func:`independent_tokens` for that.

    Parameters
    ----------
    experts, per_token : float or array
        Routed experts of the layer and how many each token uses.
    tokens : float or array
        Tokens in the step that choose independently.

    Examples
    --------
    >>> experts_touched(128, 8, 1)
    8.0
    >>> round(experts_touched(128, 8, 64), 1)
    125.9
    """
    return experts * (1.0 - (1.0 - per_token / experts) ** tokens)
