"""Continuous batching with chunked prefill in steady state, in closed form.

The free variable is the mean number of sequences decoding, ``b``. Everything else
follows from it without iteration: the prefill work that arrives while ``b``
sequences decode, the share of steps that carry a prompt chunk, the mean step time
(= TPOT), and through Little's law the request rate that keeps ``b`` busy.
Engine semantics: chunked prefill as in Agrawal et al. 2024 (Sarathi-Serve,
arXiv:2403.02310) and vLLM V1.
"""

from __future__ import annotations

import numpy as np

from inferplan.provenance import formula
from inferplan.units import Num

SARATHI = "Agrawal et al. 2024, arXiv:2403.02310, section 4"
RENEWAL = "Cox 1962, Renewal Theory, section 5.2 (mean residual life)"


@formula("isl_tokens + osl_tokens / 2", unit="tokens", source="mean over the decode phase")
def mean_decode_context(isl_tokens: Num, osl_tokens: Num) -> Num:
    """Mean context of a sequence while it decodes [tokens].

    Examples
    --------
    >>> mean_decode_context(1000, 200)
    1100.0
    """
    return isl_tokens + osl_tokens / 2.0


@formula(
    "max(sequences / pp, 1)",
    unit="sequences",
    source="a step runs for one sequence at least, which is in one stage at a time "
    "(Huang et al. 2019, GPipe, arXiv:1811.06965)",
)
def micro_batch(sequences: Num, pp: Num) -> Num:
    """Sequences that a step works on: the batch, or its part in each stage of a pipeline.

    Parameters
    ----------
    sequences : float or array
        Mean sequences decoding in the replica; below one while it is mostly idle.
    pp : float or array
        Pipeline stages.

    Examples
    --------
    >>> float(micro_batch(8.0, 4))
    2.0
    >>> float(micro_batch(0.2, 1))
    1.0
    """
    return np.maximum(sequences / pp, 1.0)


@formula("isl_tokens + osl_tokens", unit="tokens", source="definition")
def request_tokens(isl_tokens: Num, osl_tokens: Num) -> Num:
    """Context of a request at its end [tokens].

    Examples
    --------
    >>> request_tokens(1500.0, 300.0)
    1800.0
    """
    return isl_tokens + osl_tokens


@formula("max(prompt_tokens, 1) * prompts", unit="tokens", source="definition")
def batch_tokens(prompt_tokens: Num, prompts: Num) -> Num:
    """Tokens of a batch of equal prompts [tokens].

    Examples
    --------
    >>> float(batch_tokens(500.0, 4))
    2000.0
    """
    return np.maximum(prompt_tokens, 1.0) * prompts


@formula("isl_tokens - prompt_tokens", unit="tokens", source="definition")
def cached_tokens(isl_tokens: Num, prompt_tokens: Num) -> Num:
    """Input tokens found in the prefix cache [tokens].

    Examples
    --------
    >>> cached_tokens(1500.0, 1000.0)
    500.0
    """
    return isl_tokens - prompt_tokens


@formula("per_rank_tokens * dp", unit="tokens", source="definition")
def over_ranks(per_rank_tokens: Num, dp: Num) -> Num:
    """Tokens of all attention data-parallel ranks together [tokens].

    Examples
    --------
    >>> over_ranks(2048.0, 8)
    16384.0
    """
    return per_rank_tokens * dp


@formula("max(budget_tokens - sequences, 1)", unit="tokens", source=SARATHI)
def chunk_room(budget_tokens: Num, sequences: Num) -> Num:
    """Token budget of a step left for prompts after one token per running sequence [tokens].

    Examples
    --------
    >>> float(chunk_room(2048, 48))
    2000.0
    """
    return np.maximum(budget_tokens - sequences, 1.0)


@formula(
    "sequences * prompt_tokens / max(osl_tokens - 1, 1)",
    unit="tokens/step",
    source="balance: every sequence that ends makes room for one prompt",
)
def prefill_per_step(sequences: Num, prompt_tokens: Num, osl_tokens: Num) -> Num:
    """Prompt tokens that must be computed per step to keep *sequences* decoding [tokens].

    Parameters
    ----------
    sequences : float or array
        Mean sequences decoding.
    prompt_tokens, osl_tokens : float or array
        Uncached input tokens and output tokens of a request.

    Examples
    --------
    >>> float(prefill_per_step(10, 1000, 101))
    100.0
    """
    return sequences * prompt_tokens / np.maximum(osl_tokens - 1.0, 1.0)


@formula("min(room_tokens, max(prompt_tokens, per_step_tokens))", unit="tokens", source=SARATHI)
def chunk_tokens(room_tokens: Num, prompt_tokens: Num, per_step_tokens: Num) -> Num:
    """Prompt tokens in a step that carries any: one prompt, or as many as arrive, up to the room.

    Examples
    --------
    >>> float(chunk_tokens(2000, 5000, 100))
    2000.0
    >>> float(chunk_tokens(2000, 500, 100))
    500.0
    """
    return np.minimum(room_tokens, np.maximum(prompt_tokens, per_step_tokens))


@formula("min(1, per_step_tokens / chunk)", unit="1", source=SARATHI)
def prefill_step_share(per_step_tokens: Num, chunk: Num) -> Num:
    """Share of steps that carry a prompt chunk.

    Examples
    --------
    >>> float(prefill_step_share(100.0, 500.0))
    0.2
    """
    return np.minimum(1.0, per_step_tokens / chunk)


@formula("(1 - share) * decode_step_s + share * mixed_step_s", unit="s", source=SARATHI)
def mean_step_time(share: Num, decode_step_s: Num, mixed_step_s: Num) -> Num:
    """Mean time of a step; every running sequence gains one token in it, so it is the TPOT [s].

    Examples
    --------
    >>> mean_step_time(0.25, 0.01, 0.03)
    0.015
    """
    return (1.0 - share) * decode_step_s + share * mixed_step_s


@formula("per_step_tokens / room_tokens", unit="1", source=SARATHI)
def prefill_utilisation(per_step_tokens: Num, room_tokens: Num) -> Num:
    """Share of the prompt budget in use; at 1 the prompt queue grows without bound.

    Examples
    --------
    >>> prefill_utilisation(100.0, 2000.0)
    0.05
    """
    return per_step_tokens / room_tokens


@formula(
    "((1 - share) * decode_step_s**2 + share * mixed_step_s**2) / (2 * mean_step_s)",
    unit="s",
    source=RENEWAL,
)
def residual_step(share: Num, decode_step_s: Num, mixed_step_s: Num, mean_step_s: Num) -> Num:
    """Mean time until the running step ends, seen by an arrival [s].

    Examples
    --------
    >>> residual_step(0.0, 0.02, 0.1, 0.02)
    0.01
    """
    second = (1.0 - share) * decode_step_s**2 + share * mixed_step_s**2
    return second / (2.0 * mean_step_s)


@formula("chunk / prompt_tokens", unit="sequences", source="definition")
def prompts_in_chunk(chunk: Num, prompt_tokens: Num) -> Num:
    """Prompts (or the part of one) that a chunk holds [sequences].

    Examples
    --------
    >>> prompts_in_chunk(500.0, 1000.0)
    0.5
    """
    return chunk / prompt_tokens


@formula("ceil(prompt_tokens / room_tokens)", unit="steps", source=SARATHI)
def prompt_chunks(prompt_tokens: Num, room_tokens: Num) -> Num:
    """Steps a prompt is spread over [steps].

    Examples
    --------
    >>> float(prompt_chunks(5000, 2000))
    3.0
    """
    return np.ceil(prompt_tokens / room_tokens)


@formula(
    "mixed_step_s * (1 + (chunks - 1) / stages)",
    unit="s",
    source="pipeline of chunks, Huang et al. 2019 (GPipe), arXiv:1811.06965",
)
def prompt_time(mixed_step_s: Num, chunks: Num, stages: Num) -> Num:
    """Time to compute one prompt that nobody delays [s].

    Parameters
    ----------
    mixed_step_s : float or array
        Time of one step with a chunk, through all layers [s].
    chunks, stages : float or array
        Chunks of the prompt; pipeline stages that work on them at once.

    Examples
    --------
    >>> prompt_time(0.5, 3, 1)
    1.5
    """
    return 1.0 * mixed_step_s * (1.0 + (chunks - 1.0) / stages)


@formula(
    "prompt_s + residual_factor * residual_s + wait_s",
    unit="s",
    source="sum of the parts; for quantiles an upper bound (the parts are not all late at once)",
)
def first_token_time(prompt_s: Num, residual_s: Num, residual_factor: Num, wait_s: Num) -> Num:
    """TTFT: end of the running step, wait behind other prompts, own prompt [s].

    Parameters
    ----------
    prompt_s, residual_s, wait_s : float or array
        Own prefill, mean residual step, wait in the prompt queue [s].
    residual_factor : float
        1 for the mean; 2 q for the quantile q (the residual of an even step is uniform).

    Examples
    --------
    >>> first_token_time(0.2, 0.01, 1.0, 0.05)
    0.26
    """
    return prompt_s + residual_factor * residual_s + wait_s


@formula("ttft_s + max(osl_tokens - 1, 0) * tpot_s", unit="s", source="definition of TPOT")
def end_to_end_time(ttft_s: Num, tpot_s: Num, osl_tokens: Num) -> Num:
    """E2E latency from TTFT and TPOT [s].

    Examples
    --------
    >>> float(end_to_end_time(0.2, 0.01, 101))
    1.2
    """
    return ttft_s + np.maximum(osl_tokens - 1.0, 0.0) * tpot_s


@formula(
    "((sqrt(z**2 + 4 * limit) - z) / 2) ** 2",
    unit="sequences",
    source="inverse of mean + z * sqrt(mean)",
)
def mean_batch_below(limit: Num, z: Num) -> Num:
    """Largest mean batch whose upper quantile stays at *limit* [sequences].

    Parameters
    ----------
    limit : float or array
        Sequences that fit.
    z : float
        Normal quantile.

    Examples
    --------
    >>> float(mean_batch_below(120.0, 2.0))
    100.0
    """
    return ((np.sqrt(z**2 + 4.0 * np.maximum(limit, 0.0)) - z) / 2.0) ** 2
