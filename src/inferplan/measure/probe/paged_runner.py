"""Transformers' paged continuous batching (``generate_batch``) on a model with random weights."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import itertools
import logging
import os
from collections.abc import Iterator
from typing import Any

from inferplan.measure.probe.runner import Case, Times
from inferplan.measure.probe.shape import Shape, shape_of
from inferplan.measure.probe.torch_backend import TorchBackend


class PagedRunner:
    """One ``generate_batch`` of equal prompts; its time stamps tell the two phases apart."""

    engine = "transformers"

    def __init__(self, backend: TorchBackend) -> None:
        self.backend = backend

    def formats(self) -> tuple[str, ...]:
        """See :class:`inferplan.measure.probe.runner.Runner`."""
        there = importlib.util.find_spec("transformers") is not None
        return ("bf16",) if there and self.backend.device.type != "mps" else ()

    def run(self, case: Case) -> Times:
        """See :class:`inferplan.measure.probe.runner.Runner`.

        The prompt is timed in a batch of its own; time starts when the scheduler takes it up.
        """
        model = None
        try:
            with _quiet():
                model = self._model(shape_of(case.spec), case.weights)
                alone = self._generate(model, case, batch=1, new=2)
                several = self._generate(model, case, batch=case.batch, new=case.osl + 3)
        finally:
            del model
            self.backend.tidy()
        return Times(tuple(r.timestamps[0] - r.lifespan[0] for r in alone), _steps(several))

    def _model(self, shape: Shape, weights: str) -> Any:
        torch = self.backend.torch
        from transformers import AutoModelForCausalLM, LlamaConfig, Qwen3MoeConfig

        sizes: dict[str, Any] = {
            "hidden_size": shape.hidden, "num_hidden_layers": shape.layers,
            "vocab_size": shape.vocab, "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads, "head_dim": shape.head_dim,
            "tie_word_embeddings": shape.tied, "max_position_embeddings": 131072,
        }  # fmt: skip
        if shape.experts:
            config = Qwen3MoeConfig(
                **sizes, num_experts=shape.experts, num_experts_per_tok=shape.per_token,
                moe_intermediate_size=shape.ffn, intermediate_size=shape.ffn,
                decoder_sparse_step=1,
            )  # fmt: skip
        else:
            config = LlamaConfig(**sizes, intermediate_size=shape.ffn)
        dtype = {"bf16": torch.bfloat16}[weights]
        with self.backend.device:
            model = AutoModelForCausalLM.from_config(
                config, dtype=dtype, attn_implementation="sdpa"
            )
        return model.to(self.backend.device).eval()

    def _generate(self, model: Any, case: Case, *, batch: int, new: int) -> list[Any]:
        from transformers import GenerationConfig
        from transformers.generation.configuration_utils import ContinuousBatchingConfig

        settings = GenerationConfig(
            max_new_tokens=new, do_sample=False, eos_token_id=-1, pad_token_id=0
        )
        prompts = [
            [(7 * place + 13 * row + 5) % case.spec.vocab for place in range(case.isl)]
            for row in range(batch)
        ]
        known = inspect.signature(model.generate_batch).parameters
        room = ContinuousBatchingConfig(  # else it takes nearly all memory there is
            num_blocks=batch * (case.isl + new) // 128 + 16,
            max_batch_tokens=max(batch * case.isl, 512),
        )
        wanted = {
            "record_timestamps": True, "progress_bar": False, "continuous_batching_config": room,
        }  # fmt: skip
        if "record_timestamps" not in known:
            raise RuntimeError("this transformers records no time stamps of tokens")
        found = model.generate_batch(
            prompts, generation_config=settings,
            **{key: value for key, value in wanted.items() if key in known},
        )  # fmt: skip
        results = [found[key] for key in sorted(found)]
        if len(results) < batch or any(r.error or len(r.timestamps) < new for r in results):
            said = next((str(r.error) for r in results if r.error), "requests were lost")
            raise RuntimeError(f"generate_batch failed: {said}")
        return results


def _steps(results: list[Any]) -> tuple[float, ...]:
    """Times between tokens while all sequences decode: from the last to begin to the first to end.

    All tokens of a step have nearly the same stamp, so those of one sequence tell all.
    """
    start = max(result.timestamps[0] for result in results)
    stamps = [t for t in results[0].timestamps if t >= start]
    pairs = itertools.pairwise(stamps[1:])  # the first step holds the last prompt
    return tuple(after - before for before, after in pairs)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what transformers logs and draws off the terminal, and it off the network."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
        if before is None:
            os.environ.pop("HF_HUB_OFFLINE", None)
        else:
            os.environ["HF_HUB_OFFLINE"] = before
