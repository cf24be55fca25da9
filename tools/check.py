"""The one test command: every check, in a fresh environment, on the wheel users would install.

Needs only Python 3.11 or later with pip and venv. It installs the pinned tools,
builds the wheel, installs that wheel and tests what was installed, so a file that
the wheel lacks is found here and not by a user.

    python3 tools/check.py            everything
    python3 tools/check.py --quick    the tests only
    python3 tools/check.py --keep     keep the environment in .venv-check and reuse it
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "requirements" / "dev.txt"
LEAST_COVERAGE = 95
"""Per cent of lines and branches that the tests must reach."""

KEPT = ROOT / ".venv-check"
INSTALLED = "import inferplan, sys; sys.exit(not inferplan.__file__.startswith(sys.prefix))"


class StepFailedError(Exception):
    """A step ended with an error; ``code`` is its exit status."""

    def __init__(self, code: int) -> None:
        self.code = code


def main(argv: Sequence[str]) -> int:
    """Run the checks; 0 if all pass, else the exit status of the first that fails."""
    options = _options(argv)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="inferplan-check-") as folder:
        venv = KEPT if options.keep else Path(folder, "venv")
        try:
            _install_tools(venv)
            _install_wheel(venv, Path(folder, "wheel"))
            if not options.quick:
                _lint(venv)
            _test(venv)
        except StepFailedError as failure:
            return failure.code
    print(f"all checks passed in {time.monotonic() - started:.0f} s")
    return 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build the wheel, install it and check it.")
    parser.add_argument("--quick", action="store_true", help="run the tests only")
    parser.add_argument("--keep", action="store_true", help=f"reuse {KEPT.name} between runs")
    return parser.parse_args(argv)


def _install_tools(venv: Path) -> None:
    wanted = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()
    stamp = venv / "pins.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(venv, ignore_errors=True)
    _step(venv, "environment", sys.executable, "-m", "venv", str(venv))
    _step(venv, "pinned tools", *_pip(venv), "--require-hashes", "--requirement", str(PINS))
    stamp.write_text(wanted)


def _install_wheel(venv: Path, folder: Path) -> None:
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    _step(venv, "build wheel", _tool(venv, "python"), *build)
    (wheel,) = folder.glob("*.whl")
    options = ("--no-index", "--no-deps", "--force-reinstall")
    _step(venv, "install wheel", *_pip(venv), *options, str(wheel))
    _step(venv, "wheel in use", _tool(venv, "python"), "-c", INSTALLED)


def _lint(venv: Path) -> None:
    _step(venv, "ruff check", _tool(venv, "ruff"), "check")
    _step(venv, "ruff format", _tool(venv, "ruff"), "format", "--check")
    _step(venv, "mypy", _tool(venv, "mypy"))
    _step(venv, "import order", _tool(venv, "lint-imports"))


def _test(venv: Path) -> None:
    # The ini file is named because src/, where testpaths looks, must not be collected.
    where = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT))
    what = (str(ROOT / "tests"), "--pyargs", "inferplan")
    (venv / "coverage").mkdir(exist_ok=True)
    run = (_tool(venv, "coverage"), "run", "-m", "pytest", "-q", "-n", "auto")
    _step(venv, "tests", *run, *where, *what, show=True)
    _step(venv, "coverage data", _tool(venv, "coverage"), "combine", "-q")
    least = f"--fail-under={LEAST_COVERAGE}"
    _step(venv, "coverage", _tool(venv, "coverage"), "report", least, show=True)


def _tool(venv: Path, name: str) -> str:
    return str(venv / "bin" / name)


def _pip(venv: Path) -> tuple[str, ...]:
    quiet = ("-qq", "--disable-pip-version-check", "--no-input")
    return (_tool(venv, "python"), "-m", "pip", "install", *quiet)


def _step(venv: Path, name: str, *command: str, show: bool = False) -> None:
    started = time.monotonic()
    pipe = None if show else subprocess.PIPE
    done = subprocess.run(
        command, cwd=ROOT, env=_env(venv), text=True, stdout=pipe, stderr=subprocess.STDOUT,
        check=False,
    )  # fmt: skip
    verdict = "FAILED" if done.returncode else "ok"
    if done.returncode and done.stdout:
        print(done.stdout.rstrip())
    print(f"{name:14} {verdict:6} {time.monotonic() - started:6.1f} s", flush=True)
    if done.returncode:
        raise StepFailedError(done.returncode)


def _env(venv: Path) -> dict[str, str]:
    dropped = {"PYTHONPATH", "PYTHONHOME"}  # either could put src/ before the wheel
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    kept["COVERAGE_FILE"] = str(venv / "coverage" / "data")
    return kept | {"VIRTUAL_ENV": str(venv), "PATH": f"{venv / 'bin'}:{kept.get('PATH', '')}"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
