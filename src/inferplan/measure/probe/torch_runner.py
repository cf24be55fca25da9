"""A plain PyTorch decode loop, with and without CUDA graphs."""

from __future__ import annotations

from typing import Any

from inferplan.measure.probe.runner import Case, Times
from inferplan.measure.probe.shape import shape_of
from inferplan.measure.probe.torch_backend import TorchBackend, captured
from inferplan.measure.probe.torch_model import Transformer, build

PROMPTS = 5
"""Times a prompt is computed."""


class TorchRunner:
    """Prefill, then one token after the other.

    Parameters
    ----------
    backend : TorchBackend
        Where.
    graphs : bool
        Replay each decode step as a CUDA graph. A graph's shapes are fixed, so it attends to the
        mean length of the run at every step.
    """

    def __init__(self, backend: TorchBackend, *, graphs: bool) -> None:
        self.backend, self.graphs = backend, graphs
        self.engine = "pytorch-graphs" if graphs else "pytorch"

    def formats(self) -> tuple[str, ...]:
        """See :class:`inferplan.measure.probe.runner.Runner`."""
        if self.graphs and not self.backend.graphs:
            return ()
        on = self.backend.device.type
        return (
            ("bf16", "fp32")
            if on == "cpu"
            else tuple(form for form in self.backend.formats if form in ("bf16", "fp8"))
        )

    def run(self, case: Case) -> Times:
        """See :class:`inferplan.measure.probe.runner.Runner`."""
        torch, device = self.backend.torch, self.backend.device
        room = case.isl + case.osl + 8
        try:
            with torch.inference_mode():
                model = build(torch, shape_of(case.spec), case.weights, device, case.batch, room)
                prompts = self._prompts(model, case)
                return Times(prompts, self._steps(model, case))
        finally:
            self.backend.tidy()

    def _prompts(self, model: Transformer, case: Case) -> tuple[float, ...]:
        """Time of one prompt alone, computed in an otherwise idle first sequence."""
        torch, device = self.backend.torch, self.backend.device
        tokens = torch.randint(0, case.spec.vocab, (1, case.isl), device=device)
        positions = torch.arange(case.isl, device=device)
        whole = model.cache
        model.cache = [(keys[:1], values[:1]) for keys, values in whole]

        def prompt() -> None:
            model.forward(tokens, positions, case.isl).tolist()

        clock = self.backend.clock()
        clock(prompt, 1)
        clock(prompt, 1)
        found = tuple(clock(prompt, 1) for _ in range(PROMPTS))
        model.cache = whole
        return found

    def _steps(self, model: Transformer, case: Case) -> tuple[float, ...]:
        torch, device = self.backend.torch, self.backend.device
        state = _State(torch, case, device)
        if self.graphs:
            span = case.isl + case.osl // 2
            graph = captured(torch, lambda: state.advance(model, span), 1)
            state.restart(case)
            step = graph.replay
        clock = self.backend.clock()
        times = []
        for index in range(case.osl + 2):
            if not self.graphs:
                span = case.isl + index + 1

                def step(span: int = span) -> None:
                    state.advance(model, span)

            times.append(clock(lambda: _step_and_read(step, state), 1))
        return tuple(times[2:])


class _State:
    """Last tokens and their place, in tensors that a graph may keep."""

    def __init__(self, torch: Any, case: Case, device: Any) -> None:
        self.tokens = torch.zeros((case.batch, 1), dtype=torch.long, device=device)
        self.place = torch.full((1,), case.isl, dtype=torch.long, device=device)

    def advance(self, model: Transformer, span: int) -> None:
        """One decode step."""
        self.tokens.copy_(model.forward(self.tokens, self.place, span)[:, None])
        self.place.add_(1)

    def restart(self, case: Case) -> None:
        """Back to the end of the prompt: captures and warm-ups moved on."""
        self.place.fill_(case.isl)


def _step_and_read(step: Any, state: _State) -> None:
    """A step, and its tokens on the host, as an engine has to send them on."""
    step()
    state.tokens.tolist()
