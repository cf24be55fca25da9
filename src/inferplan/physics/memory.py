"""Bytes: weights, activations, state, and what is left for the KV cache."""

from __future__ import annotations

import numpy as np

from inferplan.provenance import formula
from inferplan.units import Num

DEFINITION = "definition"


@formula("params * bits / 8 / shards", unit="B", source=DEFINITION)
def weight_bytes(params: Num, bits: Num, shards: Num) -> Num:
    """Bytes of *params* weights at *bits* each on one of *shards* devices [B].

    Examples
    --------
    >>> weight_bytes(8e9, 16, 2)
    8000000000.0
    """
    return params * bits / 8.0 / shards


@formula("experts_read / experts * nbytes", unit="B", source=DEFINITION)
def expert_bytes_read(experts_read: Num, experts: Num, nbytes: Num) -> Num:
    """Bytes of a layer's routed experts that a step reads [B].

    Parameters
    ----------
    experts_read, experts : float or array
        Distinct experts used, and all of them.
    nbytes : float or array
        Bytes of all of them [B].

    Examples
    --------
    >>> expert_bytes_read(8, 128, 128e9)
    8000000000.0
    """
    return experts_read / experts * nbytes


@formula("rows * (k + n / shards) * element_bytes * layers", unit="B", source=DEFINITION)
def activation_bytes(
    rows: Num, k: Num, n: Num, element_bytes: Num, layers: Num, shards: Num
) -> Num:
    """Bytes a matrix product reads and writes beside its weights [B].

    Parameters
    ----------
    rows : float or array
        Tokens.
    k, n : float or array
        Input and output width; the output is split over *shards*.
    element_bytes : float or array
        Bytes of one activation.
    layers, shards : float or array
        Layers of this shape; devices.

    Examples
    --------
    >>> activation_bytes(1, 4096, 4096, 2, 1, 1)
    16384.0
    """
    return 1.0 * rows * (k + n / shards) * element_bytes * layers


@formula("rows * k * per_element * layers / shards", unit="B", source=DEFINITION)
def quantised_bytes(rows: Num, k: Num, per_element: Num, layers: Num, shards: Num) -> Num:
    """Bytes moved to bring the input of a matrix product into a narrow number format [B].

    Parameters
    ----------
    rows, k : float or array
        Rows and width of the input.
    per_element : float or array
        Bytes read and written per element, over all passes [B].
    layers, shards : float or array
        How often, and over how many devices the width is split.

    Examples
    --------
    >>> quantised_bytes(2.0, 100.0, 3.0, 4.0, 1.0)
    2400.0
    """
    return rows * k * per_element * layers / shards


@formula("sequences * context * bytes_per_token / shards", unit="B", source=DEFINITION)
def cache_read_bytes(sequences: Num, context: Num, bytes_per_token: Num, shards: Num) -> Num:
    """KV bytes that one decode step reads on one device [B].

    Parameters
    ----------
    sequences, context : float or array
        Sequences in the batch, and the mean tokens of each that are read.
    bytes_per_token : float or array
        KV bytes per token over the layers concerned [B].
    shards : float or array
        Devices the KV heads are split over.

    Examples
    --------
    >>> cache_read_bytes(2, 1000, 131072, 1)
    262144000.0
    """
    return 1.0 * sequences * context * bytes_per_token / shards


@formula(
    "8 * rows * hidden * layers / 2 * element_bytes",
    unit="B",
    source="per half layer: a fused residual add and norm reads two rows and writes two (assumed)",
)
def elementwise_bytes(rows: Num, hidden: Num, layers: Num, element_bytes: Num) -> Num:
    """Bytes moved by norms, residual adds and activations [B].

    Parameters
    ----------
    rows : float or array
        Tokens.
    hidden : int
        Model width.
    layers : int
        Mixer layers plus FFN layers.
    element_bytes : float or array
        Bytes of one activation.

    Examples
    --------
    >>> elementwise_bytes(1, 4096, 64, 2)
    2097152.0
    """
    return 4.0 * rows * hidden * layers * element_bytes


@formula(
    "3 * 4 * rows * vocab / shards",
    unit="B",
    source="fp32 logits are written once and read twice by sampling (assumed)",
)
def logits_bytes(rows: Num, vocab: Num, shards: Num) -> Num:
    """Bytes moved by sampling [B].

    Examples
    --------
    >>> logits_bytes(1, 1000, 1)
    12000.0
    """
    return 12.0 * rows * vocab / shards


@formula("min(pp, 2)", unit="stages", source="embedding on the first stage, head on the last")
def table_stages(pp: Num) -> Num:
    """Pipeline stages that embedding and head are spread over.

    Examples
    --------
    >>> float(table_stages(4))
    2.0
    """
    return np.minimum(pp, 2.0)


@formula(
    "element_bytes * tokens * (4 * hidden + 2 * widest / shards) + 8 * sequences * vocab / shards",
    unit="B",
    source="live tensors of one layer (input, residual, widest product in and out) "
    "and two fp32 copies of the logits; Korthikanti et al. 2022, arXiv:2205.05198, adapted",
)
def peak_activation_bytes(
    tokens: Num,
    sequences: Num,
    hidden: Num,
    widest: Num,
    vocab: Num,
    element_bytes: Num,
    shards: Num,
) -> Num:
    """Activation memory of the largest step on one device [B].

    Parameters
    ----------
    tokens, sequences : float or array
        Token budget of a step, and the sequences it may sample.
    hidden, widest, vocab : int
        Widths of the model, its widest layer product, and its vocabulary.
    element_bytes, shards : float or array
        Bytes of one activation; tensor-parallel size.

    Examples
    --------
    >>> peak_activation_bytes(1000, 0, 1000, 4000, 32000, 2, 1)
    24000000.0
    """
    inner = element_bytes * tokens * (4.0 * hidden + 2.0 * widest / shards)
    return inner + 8.0 * sequences * vocab / shards


@formula("mem_bytes * utilization", unit="B", source="vLLM: gpu_memory_utilization")
def usable_bytes(mem_bytes: Num, utilization: Num) -> Num:
    """Memory that the engine may fill [B].

    Examples
    --------
    >>> usable_bytes(100.0, 0.5)
    50.0
    """
    return mem_bytes * utilization


@formula(
    "2 * sequences * (4 * state_elements + 2 * conv_elements) * layers / shards",
    unit="B",
    source="fp32 state and 16-bit convolution state, read and written once a step "
    "(Dao, Gu 2024, arXiv:2405.21060)",
)
def state_traffic_bytes(
    sequences: Num, state_elements: Num, conv_elements: Num, layers: Num, shards: Num
) -> Num:
    """Bytes of recurrent state moved in a step [B].

    Parameters
    ----------
    sequences : float or array
        Sequences in the step.
    state_elements, conv_elements : int
        Per sequence and layer.
    layers, shards : float or array
        Layers of this shape; devices they are split over.

    Examples
    --------
    >>> state_traffic_bytes(1, 100, 50, 1, 1)
    1000.0
    """
    return 2.0 * sequences * (4.0 * state_elements + 2.0 * conv_elements) * layers / shards


@formula(
    "min(tp, kv_heads)",
    unit="devices",
    source="Pope et al. 2022, arXiv:2211.05102, section 3.3: KV heads are copied beyond that",
)
def kv_shards(tp: Num, kv_heads: Num) -> Num:
    """Devices over which a sequence's KV cache is really split [devices].

    Examples
    --------
    >>> float(kv_shards(8, 4))
    4.0
    """
    return np.minimum(tp, kv_heads)


@formula(
    "max(0, mem_bytes * utilization - weights_bytes - activation_bytes - reserve_bytes)",
    unit="B",
    source="Kwon et al. 2023, arXiv:2309.06180 (vLLM), section 4: what is left is cache",
)
def kv_pool_bytes(
    mem_bytes: Num,
    utilization: Num,
    weights_bytes: Num,
    activation_bytes: Num,
    reserve_bytes: Num,
) -> Num:
    """Memory of one device left for the KV cache [B].

    Parameters
    ----------
    mem_bytes : float or array
        Memory of the device [B].
    utilization : float or array
        Share the engine may use (vLLM: ``gpu_memory_utilization``).
    weights_bytes, activation_bytes, reserve_bytes : float or array
        Weights on this device, peak activations, runtime context and graphs [B].

    Examples
    --------
    >>> float(kv_pool_bytes(80e9, 0.9, 16e9, 2e9, 1e9))
    53000000000.0
    """
    free = mem_bytes * utilization - weights_bytes - activation_bytes - reserve_bytes
    return np.maximum(0.0, free)


@formula("pool_bytes / bytes_per_seq * devices", unit="sequences", source=DEFINITION)
def sequences_that_fit(pool_bytes: Num, bytes_per_seq: Num, devices: Num) -> Num:
    """Sequences whose cache the pool holds at once [sequences].

    Parameters
    ----------
    pool_bytes : float or array
        KV pool of one device [B].
    bytes_per_seq : float or array
        Cache of one sequence on one device [B].
    devices : float or array
        Groups of devices with a pool each (pipeline stages, attention data parallel).

    Examples
    --------
    >>> sequences_that_fit(1.0e9, 1.0e7, 1)
    100.0
    """
    return pool_bytes / bytes_per_seq * devices


def kv_pool_tokens(pool_bytes: float, bytes_per_token: float, block_tokens: int) -> float:
    """Tokens in a KV pool of whole blocks, as vLLM reports its cache size [tokens].

    Parameters
    ----------
    pool_bytes : float
        Pool [B].
    bytes_per_token : float
        Cache of one token on the device of that pool [B].
    block_tokens : int
        Tokens per block.

    Returns
    -------
    float
        Infinite where a token leaves no cache (recurrent models).

    Examples
    --------
    >>> kv_pool_tokens(2.0**30, 1024.0, 16)
    1048576.0
    """
    if bytes_per_token <= 0:
        return float("inf")
    return float(pool_bytes // (bytes_per_token * block_tokens) * block_tokens)


def max_concurrency(pool_bytes: float, bytes_per_seq: float) -> float:
    """Sequences of one length that a pool holds: vLLM's "maximum concurrency" [sequences].

    Examples
    --------
    >>> max_concurrency(2.0**30, 2048 * 1024.0)
    512.0
    """
    return pool_bytes / bytes_per_seq if bytes_per_seq > 0 else float("inf")
