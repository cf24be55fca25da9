"""llama.cpp on a GGUF file of random weights: through llama-bench, else llama-cpp-python."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from inferplan.measure.probe.random_gguf import STORED, write_gguf
from inferplan.measure.probe.runner import Case, Times
from inferplan.measure.probe.shape import shape_of

PROMPTS = 5
_DATA_TOO = True


class LlamaCppRunner:
    """llama.cpp with all layers on the processor, or on the graphics processor.

    Parameters
    ----------
    threads : int
        Threads of the processor.
    gpu : bool
        Put all layers on the graphics processor.
    """

    engine = "llama.cpp"

    def __init__(self, threads: int, *, gpu: bool = False) -> None:
        self.threads, self.gpu = threads, gpu

    def formats(self) -> tuple[str, ...]:
        """See :class:`inferplan.measure.probe.runner.Runner`."""
        tools = shutil.which("llama-bench") or importlib.util.find_spec("llama_cpp")
        return tuple(STORED) if tools and importlib.util.find_spec("gguf") else ()

    def run(self, case: Case) -> Times:
        """See :class:`inferplan.measure.probe.runner.Runner`; one sequence."""
        if case.batch != 1:
            raise NotImplementedError("llama.cpp is checked with one sequence")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "random.gguf")
            write_gguf(file, shape_of(case.spec), case.weights, case.isl + case.osl + 64)
            if importlib.util.find_spec("llama_cpp") is not None:
                return self._library(file, case)
            return self._bench(file, case)

    def _bench(self, file: Path, case: Case) -> Times:
        """llama-bench: prompt and generation, each repeated; its decode starts without context."""
        command = [
            "llama-bench", "-m", str(file), "-p", str(case.isl), "-n", str(case.osl), "-t",
            str(self.threads), "-ngl", "999" if self.gpu else "0", "-r", str(PROMPTS), "-o", "json",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603 - our own words
        if done.returncode != 0:
            raise RuntimeError(f"llama-bench ended with code {done.returncode}")
        prompt, steps = (), ()
        for row in json.loads(done.stdout):
            times = tuple(nanoseconds / 1e9 for nanoseconds in row["samples_ns"])
            if row["n_prompt"]:
                prompt = times
            else:
                steps = tuple(time_s / case.osl for time_s in times)
        return Times(prompt, steps)

    def _library(self, file: Path, case: Case) -> Times:
        import llama_cpp.llama_cpp as library

        _silence(library)
        library.llama_backend_init()
        settings = library.llama_model_default_params()
        settings.n_gpu_layers = 999 if self.gpu else 0
        model = library.llama_model_load_from_file(str(file).encode(), settings)
        if not model:
            raise RuntimeError("llama.cpp could not load the model")
        try:
            return self._timed(library, model, case)
        finally:
            library.llama_model_free(model)

    def _timed(self, library: Any, model: Any, case: Case) -> Times:
        wanted = library.llama_context_default_params()
        wanted.n_ctx = case.isl + case.osl + 64
        wanted.n_batch = max(case.isl, 512)
        wanted.n_threads = wanted.n_threads_batch = self.threads
        context = library.llama_init_from_model(model, wanted)
        if not context:
            raise RuntimeError("llama.cpp could not make a context")
        try:
            prompts = []
            for _ in range(PROMPTS + 1):
                library.llama_memory_clear(library.llama_get_memory(context), _DATA_TOO)
                prompts.append(_decode(library, context, _tokens(case, case.isl)))
            steps = [_decode(library, context, _tokens(case, 1)) for _ in range(case.osl + 2)]
        finally:
            library.llama_free(context)
        return Times(tuple(prompts[1:]), tuple(steps[2:]))


_MUTE: list[Any] = []
"""The callback handed to llama.cpp, which keeps only its address."""


def _silence(library: Any) -> None:
    if not _MUTE:
        _MUTE.append(library.llama_log_callback(lambda _level, _text, _data: None))
        library.llama_log_set(_MUTE[0], ctypes.c_void_p(0))


def _tokens(case: Case, count: int) -> Any:
    return (ctypes.c_int32 * count)(*(5 + place % (case.spec.vocab - 5) for place in range(count)))


def _decode(library: Any, context: Any, tokens: Any) -> float:
    """Time of one call for these tokens, until the result is there [s]."""
    batch = library.llama_batch_get_one(tokens, len(tokens))
    start = time.perf_counter()
    if library.llama_decode(context, batch) != 0:
        raise RuntimeError("llama.cpp could not compute the tokens")
    library.llama_synchronize(context)
    return time.perf_counter() - start
