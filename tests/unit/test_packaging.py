"""What users install: light at start-up, complete, and with one version."""

import os
import subprocess
import sys
import tomllib
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import pytest

import inferplan
from inferplan.files import unseal
from inferplan.serving.build import source_stamp

ROOT = Path(__file__).parents[2]
HEAVY = ("numpy", "scipy", "numba", "llvmlite", "pandas", "pydantic", "gguf", "huggingface_hub")
REPORT = f"\nprint('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
HELP = """
from inferplan.cli.main import main
sys.argv = ["inferplan", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""

needs_install = pytest.mark.skipif(
    not any(metadata.distributions(name="inferplan")), reason="runs from the source tree"
)


def run(*command: str) -> str:
    # The width is set so that help texts do not depend on the terminal.
    env = os.environ | {"COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def loaded_by(code: str) -> str:
    return run(sys.executable, "-c", f"import sys\n{code}{REPORT}").rpartition("LOADED")[2].strip()


def test_import_loads_nothing_heavy() -> None:
    assert not loaded_by("import inferplan")


def test_help_loads_nothing_heavy() -> None:
    assert not loaded_by(HELP)


def test_the_module_runs_as_a_program() -> None:
    assert "Usage:" in run(sys.executable, "-m", "inferplan", "--help")


@needs_install
def test_the_program_says_its_version() -> None:
    assert metadata.version("inferplan") in run("inferplan", "--version")


@needs_install
def test_version_is_that_of_the_package() -> None:
    assert metadata.version("inferplan") == inferplan.__version__


@needs_install
def test_metadata_tells_users_what_they_need() -> None:
    facts = metadata.metadata("inferplan")
    assert facts["License-Expression"] == "Apache-2.0"
    assert facts["Requires-Python"] == ">=3.11"
    (script,) = metadata.entry_points(group="console_scripts", name="inferplan")
    assert script.value == "inferplan.cli.main:main"


@pytest.mark.parametrize("name", ["py.typed", "catalog/data"])
def test_data_comes_with_the_package(name: str) -> None:
    path = files("inferplan").joinpath(*name.split("/"))
    assert path.is_file() or any(path.iterdir())


@pytest.mark.skipif(
    not Path(inferplan.__file__).is_relative_to(sys.prefix), reason="runs from the source tree"
)
def test_the_compiled_kernel_comes_with_the_package() -> None:
    code = files("inferplan").joinpath("serving", "kernel.bc").read_bytes()
    assert unseal(source_stamp(), code), "it is not of the present source: install again"


def test_the_pins_cover_what_the_package_asks_for() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, build = stated["project"], stated["build-system"]["requires"]
    asked = (ROOT / "requirements" / "dev.in").read_text().splitlines()
    wanted = {k: v for k, v in project["optional-dependencies"].items() if k != "probe"}
    extras = (name for extra in wanted.values() for name in extra)  # no tests need PyTorch
    assert {*project["dependencies"], *extras, *build} <= set(asked)


def test_the_pins_name_no_place_to_fetch_from() -> None:
    pins = (ROOT / "requirements" / "dev.txt").read_text()
    assert not [word for word in ("://", "--index", "--extra", "--find", "file:") if word in pins]
