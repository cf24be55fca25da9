"""The pages say nothing that the code does not: names, links, equations, generated tables."""

import importlib
import importlib.util
import inspect
import math
import random
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import inferplan
from inferplan.measure.truth import COLUMNS, OPTIONAL
from inferplan.provenance import Grade

ROOT = Path(__file__).parents[2]
SOURCE = Path(inferplan.__file__).parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
CODE = "\n".join(path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py")))
PACKAGES = {path.stem for path in SOURCE.iterdir() if not path.name.startswith("_")} - {"py"}
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
GENERATED = re.compile(r"<!-- generated: .*?<!-- end -->", re.DOTALL)

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def load_generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = load_generator()


@by_page
def test_generated_parts_are_fresh(page):
    text = page.read_text(encoding="utf-8")
    assert generate.generated(text) == text, "run: python docs/generate.py"


def test_a_stale_part_is_noticed_and_mended(tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    page.write_text("<!-- generated: grades -->\nold\n<!-- end -->\n")
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "old" in page.read_text()
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    assert "| facts about |" in page.read_text()
    assert capsys.readouterr().out == "page.md: stale\npage.md: written\n"


def all_formulas() -> Iterator[tuple[str, Callable[..., Any]]]:
    for package in ("physics", "cost"):
        for module in generate.modules_of(package):
            for function in vars(module).values():
                own = getattr(function, "__module__", "") == module.__name__
                if own and hasattr(function, "formula"):
                    yield f"{package}.{module.__name__.rpartition('.')[2]}", function


def test_every_module_with_formulas_is_in_the_model_page():
    text = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"<!-- generated: formulas ([\w.]+) -->", text))
    assert shown == {name for name, _ in all_formulas()}
    rest = {package: set(generate.modules_of(package)) for package in ("estimate", "plan")}
    assert not [m for found in rest.values() for m in found if generate.formulas_of(m)]


MATHS = {"min": min, "max": max, "sqrt": math.sqrt, "ln": math.log, "exp": math.exp,
         "ceil": math.ceil}  # fmt: skip
RANGES = {"utilisation": (0.05, 0.95), "tail": (0.01, 0.5), "per_token": (1.0, 2.0)}
"""Where a formula holds, for parameters that may not take any value."""


@pytest.mark.parametrize("function", [f for _, f in all_formulas()], ids=lambda f: f.__name__)
def test_the_equation_shown_is_the_one_computed(function):
    if function.__name__ == "total":
        pytest.skip("a sum of any number of terms is described in words")
    rng = random.Random(1)  # noqa: S311 (no secret)
    for _ in range(100):
        names = inspect.signature(function).parameters
        values = {name: rng.uniform(*RANGES.get(name, (2.0, 9.0))) for name in names}
        shown = eval(function.formula.text, MATHS | values)  # noqa: S307 (our own equations)
        assert float(function(**values)) == pytest.approx(shown, rel=1e-9)


def spans(page: Path) -> list[str]:
    """What stands between backticks in the text, outside of code and generated tables."""
    text = FENCE.sub("", GENERATED.sub("", page.read_text(encoding="utf-8")))
    return re.findall(r"`([^`\n]+)`", text)


@by_page
def test_dotted_names_exist(page):
    for name in spans(page):
        first = name.partition(".")[0]
        if not re.fullmatch(r"[a-z_]+(\.\w+)+", name) or first not in PACKAGES:
            continue
        if name.endswith((".py", ".csv", ".md")):
            continue
        thing: Any = inferplan
        path = "inferplan"
        for part in name.split("."):
            path += f".{part}"
            if inspect.ismodule(thing) and not hasattr(thing, part):
                thing = importlib.import_module(path)
            else:
                thing = getattr(thing, part)


@by_page
def test_files_named_exist(page):
    for name in spans(page):
        if re.fullmatch(r"[\w./-]+/[\w./-]+\.(py|csv|md|yaml)", name):
            assert (ROOT / name).exists() or (SOURCE / name).exists(), name


@by_page
def test_links_lead_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", other.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}


@by_page
def test_no_place_of_one_machine(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(home|tmp|work|root|Users)/|https?://", text)


def glossary_names(column: str) -> list[str]:
    """What the glossary's tables list in backticks under *column*."""
    found: list[str] = []
    place = -1
    for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            place = -1
        elif column in cells:
            place = cells.index(column)
        elif place >= 0:
            found += re.findall(r"`([^`]+)`", cells[place])
    return found


@pytest.mark.parametrize("name", glossary_names("in code"))
def test_glossary_names_are_those_of_the_code(name):
    found = re.search(rf"\b{re.escape(name)}\b", CODE)
    assert found


@pytest.mark.parametrize("suffix", glossary_names("suffix"))
def test_glossary_suffixes_are_those_of_the_code(suffix):
    found = re.search(rf"\w{suffix}\b" if suffix.startswith("_") else rf"\b{suffix}\b", CODE)
    assert found


def test_glossary_grades_are_those_of_the_code_in_order():
    assert glossary_names("grade") == [grade.value for grade in Grade]


def test_glossary_finds_its_tables():
    assert len(glossary_names("in code")) > 50
    assert len(glossary_names("suffix")) > 10


def test_validate_page_lists_the_columns_in_order():
    text = (ROOT / "docs" / "validate.md").read_text(encoding="utf-8")
    part = re.search(r"<!-- truth columns -->(.*)<!-- end truth columns -->", text, re.DOTALL)
    assert part is not None
    assert re.findall(r"^\| `(\w+)`", part[1], re.MULTILINE) == [*COLUMNS, *OPTIONAL]


NUMBER = re.compile(r"(?<![\w.#-])\d[\d,.]*\d?(?![\w])")
SAID = {
    "why.md": {"2026"},  # when the other programs were run
    "simulator.md": {"0", "1", "2"},  # of the contract's own formulas
    "model.md": {
        "70",
        "64",
        "8",
        "4,096",
        "10",
        "1.34",
        "4090",
        "1",
        "2,500",
        "3",
    },  # asserted below
    "glossary.md": {"10", "9", "2", "30", "0.25", "25", "1", "16"},  # what units are
    "json.md": {"0", "2", "70", "130", "20", "730", "95", "99", "1"},  # exit codes, definitions
    "decisions.md": {"16", "8", "4"},  # number formats
    "validate.md": {"0", "1", "16"},  # codes, a number format
}
"""Numbers that pages may state: definitions, and what a block below them asserts."""


@by_page
def test_prose_states_no_number_of_its_own(page):
    text = FENCE.sub("", GENERATED.sub("", page.read_text(encoding="utf-8")))
    text = re.sub(r"`[^`\n]+`|\]\([^)]*\)|^#+ .*$|^\d+\. ", "", text, flags=re.MULTILINE)
    found = {match.rstrip(".,") for match in NUMBER.findall(text)}
    assert not found - SAID.get(page.name, set())


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_examples_run(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()
    assert not list(tmp_path.iterdir())
