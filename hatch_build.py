"""Compile the simulator's kernel when a wheel is built, so that users need no compiler.

The result is LLVM code for any machine; :mod:`inferplan.serving.compiled` reads it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelHook(BuildHookInterface[Any]):
    """Writes ``kernel.bc`` beside its source, unless the present one is of that source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch's
        """Run before the wheel's files are collected."""
        source = Path(self.root, "src")
        sys.path.insert(0, str(source))
        try:
            from inferplan.serving import build
        finally:
            sys.path.remove(str(source))
        build.write_if_stale(source / "inferplan" / "serving" / "kernel.bc")
