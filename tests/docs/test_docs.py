"""The documents tell the truth: their Python runs, and their commands print what they show.

A ``python`` block runs in the namespace of its document; with ``>>>`` prompts its
output is compared too. A ``console`` block whose first line starts with
``$ inferplan`` runs line by line, and what stands below a command must be its
output (``...`` stands for any text; dates and run times do not matter). A block
after ``<!-- no-run -->`` is left alone.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import inferplan

HERE = str(Path(inferplan.__file__).resolve().parents[1])  # programs run what the tests import
ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?P<skip><!-- no-run -->\s*\n)?^```(?P<kind>python|console)[^\n]*\n(?P<text>.*?)^```\s*$",
    re.DOTALL | re.MULTILINE,
)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n?", re.MULTILINE)
VARYING = [
    (re.compile(r"\b20\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?Z?)?"), "<date>"),
    (re.compile(r"\b(in|took|after) [\d.,]+ (?:µs|ms|s|min)\b"), r"\1 <time>"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
]


def steady(text: str) -> str:
    for pattern, name in VARYING:
        text = pattern.sub(name, text)
    return text.strip() + "\n"


def run_python(text: str, names: dict[str, Any], place: str) -> None:
    if ">>>" not in text:
        exec(compile(text, place, "exec"), names)  # noqa: S102 (our own documents)
        return
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    report: list[str] = []
    example = doctest.DocTestParser().get_doctest(text, names, place, place, 0)
    found = runner.run(example, out=report.append, clear_globs=False)
    names.update(example.globs)
    assert not found.failed, f"{place}: " + "".join(report)


def run_console(text: str, folder: Path, place: str) -> None:
    _, *parts = COMMAND.split(text)
    for command, shown in zip(parts[::2], parts[1::2], strict=True):
        _, *arguments = shlex.split(command.replace("\\\n", " "), comments=True)
        done = subprocess.run(
            [sys.executable, "-m", "inferplan", *arguments],
            cwd=folder, capture_output=True, text=True, check=False,
            env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONPATH": HERE},
        )  # fmt: skip
        assert done.returncode == 0, f"{place}: {command}\n{done.stdout}{done.stderr}"
        want, got = steady(shown), steady(done.stdout)
        same = doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)
        assert same or not shown.strip(), f"{place}: {command}\nshows:\n{want}\nprints:\n{got}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    document = path.read_text(encoding="utf-8")
    for block in BLOCK.finditer(document):
        place = f"{path.name}:{document.count(chr(10), 0, block.start('text'))}"
        if block["skip"]:
            continue
        if block["kind"] == "python":
            run_python(block["text"], names, place)
        elif block["text"].startswith("$ inferplan"):
            run_console(block["text"], tmp_path, place)
