"""Write the generated parts of the documents: whatever stands between two markers.

    python docs/generate.py            rewrite what is stale
    python docs/generate.py --check    say what is stale and exit with 1

A part starts with ``<!-- generated: NAME -->`` and ends with ``<!-- end -->``; NAME is a
key of :data:`PARTS`, or one followed by a module, as in ``formulas physics.kv``.
Needs the standard library and inferplan only. A test runs the check.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import inferplan
from inferplan.catalog import efficiency, offers
from inferplan.catalog.accuracy import accuracy
from inferplan.catalog.devices import devices
from inferplan.catalog.formats import kv_formats, weight_formats
from inferplan.catalog.models import models
from inferplan.catalog.table import rows
from inferplan.measure import measured
from inferplan.provenance import Fact, Formula

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))  # wherever this runs from, the parts stand beside it
import accuracy_parts  # noqa: E402
import unknown_parts  # noqa: E402
from markdown_table import table  # noqa: E402

SOURCE = Path(inferplan.__file__).resolve().parent
MOST_COLUMNS = 12
"""Columns of a table that are listed."""

PART = re.compile(r"(<!-- generated: ([\w. ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main(arguments: Sequence[str]) -> int:
    """Rewrite or check every document; 1 if something was stale and only checked."""
    old = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
    new = {path: generated(text) for path, text in old.items()}
    stale = [path for path in old if old[path] != new[path]]
    for path in stale:
        if "--check" not in arguments:
            path.write_text(new[path], encoding="utf-8")
        print(f"{path.name}: {'stale' if '--check' in arguments else 'written'}")
    return int(bool(stale) and "--check" in arguments)


def generated(text: str) -> str:
    """The document with every part written anew."""
    return PART.sub(lambda m: f"{m[1]}{_part(m[2])}\n{m[3]}", text)


def _part(name: str) -> str:
    kind, *rest = name.split()
    return "\n".join(PARTS[kind](*rest))


def modules_of(package: str) -> list[ModuleType]:
    """The modules of a subpackage, in the order of their names."""
    names = sorted(path.stem for path in (SOURCE / package).glob("*.py"))
    found = [name for name in names if name != "__init__"]
    return [importlib.import_module(f"inferplan.{package}.{name}") for name in found]


def formulas_of(module: ModuleType) -> list[Formula]:
    """The formulas that a module defines, in its order."""
    own = (f for f in vars(module).values() if getattr(f, "__module__", "") == module.__name__)
    return [function.formula for function in own if hasattr(function, "formula")]


def formulas(name: str) -> Iterator[str]:
    """Every formula of a module: name, equation, unit, source."""
    found = formulas_of(importlib.import_module(f"inferplan.{name}"))
    yield from table(
        ("formula", "equation", "unit", "source"),
        ((f"`{f.name}`", f"`{f.text}`", _unit(f.unit), f.source) for f in found),
    )


def _unit(unit: str) -> str:
    return {"": "that of its terms", "1": "1 (a share)"}.get(unit, unit)


def functions(name: str) -> Iterator[str]:
    """The functions of a module that are not formulas: name, what it is, source."""
    module = importlib.import_module(f"inferplan.{name}")
    own = [
        function
        for function in vars(module).values()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not function.__name__.startswith("_")
        and not hasattr(function, "formula")
    ]
    yield from table(
        ("function", "what it returns", "source"),
        ((f"`{f.__name__}`", _first(f), _source(f)) for f in own),
    )


def _first(thing: object) -> str:
    text = " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())
    return re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text).replace("``", "`")


def _source(thing: object) -> str:
    match = re.search(r"Source: (.*?)(?:\n\n|\nExamples|$)", inspect.getdoc(thing) or "", re.DOTALL)
    return " ".join(match[1].split()).rstrip(".") if match else "definition"


def packages() -> Iterator[str]:
    """Every package and top-level module, what it is for, and its modules."""
    for path in sorted(SOURCE.iterdir(), key=lambda path: (path.is_file(), path.name)):
        inner = (path / "__init__.py").exists()
        if path.name.startswith("_") or not (inner or path.suffix == ".py"):
            continue
        yield f"- **`{path.stem}`**: {_first(importlib.import_module(f'inferplan.{path.stem}'))}"
        if inner:
            names = (module.__name__.rpartition(".")[2] for module in modules_of(path.name))
            yield "  " + ", ".join(f"`{name}`" for name in names)


def layers() -> Iterator[str]:
    """The import layers of ``pyproject.toml``, highest first."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    contract = project["tool"]["importlinter"]["contracts"][0]
    yield "```text"
    yield from (layer.replace("inferplan.", "") for layer in contract["layers"])
    yield "```"


def tables() -> Iterator[str]:
    """The catalogue's files and their columns."""
    data = SOURCE / "catalog" / "data"
    for path in sorted(data.rglob("*.csv")):
        name = path.relative_to(data).as_posix()
        names = list(next(rows(name)))
        listed = ", ".join(f"`{name}`" for name in names[:MOST_COLUMNS])
        rest = f" and {len(names) - MOST_COLUMNS} more" if len(names) > MOST_COLUMNS else ""
        yield f"- `catalog/data/{name}`: {listed}{rest}"


def catalogue() -> Iterator[str]:
    """How many entries the catalogue has, by kind and class."""
    kinds = {
        "devices": Counter(device.device_class for device in devices().values()),
        "models": Counter("mixture of experts" if m.is_moe else "dense" for m in models().values()),
        "weight formats": Counter(form.family for form in weight_formats().values()),
        "KV formats": Counter({"all": len(kv_formats())}),
        "engines": Counter({"all": len(efficiency.engines())}),
        "rental offers": Counter(offer.kind.replace("_", " ") for offer in offers.offers()),
        "API prices": Counter({"all": len(offers.api_prices())}),
    }
    body: list[tuple[str, str, str]] = []
    for kind, counts in kinds.items():
        parts = ", ".join(f"{n:,} {name}" for name, n in counts.most_common())
        body.append((kind, f"{counts.total():,}", parts))
    yield from table(("entries", ">count", "of which"), body)


def grades() -> Iterator[str]:
    """Facts of the catalogue by grade."""
    facts: dict[str, Counter[str]] = {
        "devices": Counter(f.grade.value for d in devices().values() for f in d.facts.values()),
        "models": Counter(model.grade.value for model in models().values()),
        "efficiency factors": Counter(row["grade"] for row in rows("efficiency.csv")),
        "weight formats": Counter(row["grade"] for row in rows("weight_formats.csv")),
    }
    names = ("measured", "calibrated", "spec", "assumed")
    body = ([kind, *(f"{counts[name]:,}" for name in names)] for kind, counts in facts.items())
    yield from table(("facts about", *(f">{name}" for name in names)), body)


def factors() -> Iterator[str]:
    """Efficiency factors of every device profile, one column a profile parameter."""
    profiles = efficiency.profiles()
    names = list(next(iter(profiles.values())).facts)
    body = [
        [f"`{key}`", *(_cell(profile.facts[name]) for name in names)]
        for key, profile in profiles.items()
    ]
    yield from table(("profile", *(f">{name}" for name in names)), body)


def meanings(scope: str) -> Iterator[str]:
    """What the factors of a scope mean, and their unit."""
    said = [row for row in rows("efficiency.csv") if row["scope"] == scope and row["note"]]
    first = {row["parameter"]: row for row in reversed(said)}
    body = [(f"`{name}`", row["unit"], row["note"]) for name, row in sorted(first.items())]
    yield from table(("factor", "unit", "meaning"), body)


def links() -> Iterator[str]:
    """Factors of every kind of link."""
    kinds = dict.fromkeys(row["name"] for row in rows("efficiency.csv") if row["scope"] == "link")
    found = [efficiency.link_factors(kind) for kind in kinds]
    names = ("latency_s", "frac", "direct_frac", "ring_latency_s")
    body = [(f"`{f.id}`", *(_cell(f.facts[name]) for name in names)) for f in found]
    yield from table(("link", *(f">{name}" for name in names)), body)


def engines() -> Iterator[str]:
    """Overheads and default knobs of every engine."""
    names = ("step_overhead_s", "seq_overhead_s", "prefill_overhead_s", "request_overhead_s",
             "max_num_seqs", "max_num_batched_tokens", "gpu_memory_utilization",
             "block_size")  # fmt: skip
    found = [efficiency.engine(name) for name in efficiency.engines()]
    body = [(f"`{f.id}`", *(_cell(f.facts[name]) for name in names)) for f in found]
    yield from table(("engine", *(f">{name}" for name in names)), body)


def _cell(fact: Fact) -> str:
    if fact.unit == "s":
        text = f"{fact.value * 1e6:,.4g} µs" if fact.value < 1e-3 else f"{fact.value * 1e3:,.4g} ms"
    elif fact.unit == "B":
        text = f"{fact.value / 1e9:.4g} GB"
    else:
        text = f"{fact.value:,g}" if fact.value < 1e5 else f"{fact.value:,.0f}"
    return f"{text} {fact.grade.value[0]}"


def errors() -> Iterator[str]:
    """Error against public measurements, by kind of figure."""
    body = [
        (a.kind, f"{a.rows:,}", f"{a.cells:,}", f"{a.cell_error:.0%}", f"{a.row_median:.0%}",
         f"{a.bias:+.0%}", a.date)
        for a in accuracy().values()
    ]  # fmt: skip
    head = ("figure", ">rows", ">cells", ">cell error", ">row median", ">bias", "scored")
    yield from table(head, body)


def economics() -> Iterator[str]:
    """Defaults of what owning hardware costs."""
    body = [
        (
            f"`{r['parameter']}`", r["low"], r["value"], r["high"], r["unit"], r["grade"],
            r["source"], r["note"],
        )
        for r in rows("economics.csv")
    ]  # fmt: skip
    head = ("fact", ">low", ">value", ">high", "unit", "grade", "source", "meaning")
    yield from table(head, body)


def sources() -> Iterator[str]:
    """Who published the measured results that ship with the package."""
    counts = Counter(row.source for row in measured.measured_rows())
    body: list[Sequence[str]] = []
    for s in measured.sources().values():
        where = f"{s.who} (`{s.where.removeprefix('https://')}`)" if s.where else s.who
        years = "-".join(dict.fromkeys((s.first[:4], s.last[:4])))
        body.append((s.name, where, years, f"{counts[s.name]:,}", s.trust, s.caveat))
    yield from table(("source", "who and where", "years", ">results", "trust", "caveat"), body)


def caveats() -> Iterator[str]:
    """What cases of the measured results are marked with."""
    counts = Counter(code for row in rows("measured/cases.csv") for code in row["caveats"].split())
    body = ((f"`{c}`", f"{counts[c]:,}", text) for c, text in measured.caveats().items())
    yield from table(("code", ">cases", "meaning"), body)


PARTS: dict[str, Callable[..., Iterator[str]]] = {
    function.__name__: function
    for function in (
        catalogue, caveats, economics, engines, errors, factors, formulas, functions,
        grades, layers, links, meanings, packages, sources, tables,
    )
} | {
    "causes": accuracy_parts.causes,
    "errors_by": accuracy_parts.errors_by,
    "held_out": accuracy_parts.held_out,
    "intervals_by": accuracy_parts.intervals_by,
    "kinds": accuracy_parts.kinds,
    "owned": unknown_parts.owned,
    "rented": unknown_parts.rented,
    "scored": accuracy_parts.scored,
    "shares": accuracy_parts.shares,
    "worst": accuracy_parts.worst,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
