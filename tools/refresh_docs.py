"""Rewrite what the console blocks of README.md and docs/*.md show with what they print now.

Usage: python tools/refresh_docs.py [FILE.md ...]

A block that elides output with ``...`` is left alone, and so is one after ``<!-- no-run -->``,
or whose command fails here (it may need a file that the page makes before); that is said.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(<!-- no-run -->\s*\n)?```console\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^\$ (inferplan .*)$", re.MULTILINE)


def refreshed(block: re.Match[str]) -> str:
    """The block with its commands' present output."""
    skip, text = block[1], block[2]
    commands = COMMAND.findall(text)
    if skip or not commands or "\n..." in text:
        return block[0]
    try:
        shown = "\n".join(f"$ {command}\n{output_of(command)}" for command in commands)
    except subprocess.CalledProcessError as error:
        print(f"left alone: {' '.join(error.cmd[3:])}")
        return block[0]
    return f"```console\n{shown}\n```"


def output_of(command: str) -> str:
    """What a command prints, with plain characters and 100 columns."""
    words = [sys.executable, "-m", *shlex.split(command, comments=True)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return done.stdout.rstrip()


def main(paths: list[str]) -> None:
    """Refresh the named files, or all documents."""
    files = [Path(p) for p in paths] or [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for file in files:
        text = file.read_text(encoding="utf-8")
        new = BLOCK.sub(refreshed, text)
        if new != text:
            file.write_text(new, encoding="utf-8")
            print(f"refreshed {file.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
