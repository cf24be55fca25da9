"""docs/json.md is the truth about ``--json``: the keys it lists and those printed are the same."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import inferplan
from inferplan.cli.main import cli
from inferplan.measure.truth import COLUMNS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "json.md"
PROBED = ROOT / "calibration/measurements/cpu-xeon-4c-2026-11-23.json"
LOAD = "llama-3.1-8b --isl 1500 --osl 300"
QUICK = "llama-3.1-8b h100 --requests 300"
COMMANDS = {
    "recommend/1": (
        f"recommend {LOAD} --rate 10 --ttft-p95 1s --top 2 --provider aws --budget 50/h",
        f"recommend {LOAD} --concurrency 2 --class apple --top 2",
        f"recommend {LOAD} --users 5 --think 3s --devices groq,h100 --acquire any",
    ),
    "predict/1": ("predict gpt-oss-120b h100 --tp 2 --batch 4",),
    "simulate/1": (
        f"simulate {QUICK} --rate 10 --ttft-p95 1s --prefix-share 0.5 --seeds 2",
        f"simulate {QUICK} --concurrency 4 --prefill-replicas 1 --decode-replicas 1",
    ),
    "batching/1": (
        "batching llama-3.1-8b l40s --requests 200",
        "batching llama-3.1-8b l40s --requests 40 --all-at-once --osl 1",
    ),
    "capacity/1": (
        "capacity llama-3.1-8b l40s --requests 300 --ttft-p95 1s --seeds 2",
        "capacity llama-3.1-8b l40s --requests 300 --seeds 1",
    ),
    "sweep/1": ("sweep llama-3.1-8b l40s --rates 1:2:2 --requests 50 --jobs 1 --out s.csv",),
    "cost/1": (
        "cost llama-3.1-8b l40s --isl 500 --osl 100 --rate 3 --ttft-p95 1s --spares 1",
        "cost llama-3.2-3b m4_10c --users 2 --think 30s --requests 200 --pay own",
        "cost llama-3.2-1b snapdragon_x_elite --concurrency 1 --set device_price_usd=900",
    ),
    "breakeven/1": (
        "breakeven llama-3.1-8b l40s --isl 800 --osl 200 --ttft-p95 1s --api groq --api bedrock",
        "breakeven llama-3.1-8b l40s --isl 800 --osl 200 --api-price 2:6:0.2",
    ),
    "tco/1": (
        "tco h100 --devices 8 --set pue=1.2",
        "tco llama-3.1-8b l40s --rate 3 --isl 800 --osl 200 --requests 500",
        "tco m4_max_40c --devices 1",
    ),
    "decide/1": (
        "decide --answer model=llama-3.1-8b --answer 'load=9M tokens/month'",
        "decide --answer model=llama-3.2-1b --answer load=1/s --answer data=cloud",
    ),
    "claim/1": (
        "cost --check '$2.50/h, 50 tok/s, $0.14/M'",
        "cost llama-3-8b rtx4090 --check '$1/h, 40 tok/s' --batch 1 --weights fp16",
    ),
    "fit/1": ("fit llama-3-70b h100 --tp 4 --context 5000",),
    "fit-all/1": ("fit llama-3.1-70b --class apple",),
    "explain/1": (
        "explain usd_per_mtok_out llama-3.1-8b l40s --rate 5",
        "explain e2e_p95 qwen3-30b-a3b h100 --rate 5",
    ),
    "validate/1": ("validate truth.csv --cells --worst 3",),
    "parity/1": ("parity same.json", "parity differs.json"),
    "probe/1": ("probe --quick --backend numpy --threads 1 --seconds 2 --no-check --out new.json",),
    "probe-fit/1": ("probe --fit probed.json",),
    "catalog-add/1": ("catalog add probed.json --name my_box",),
    "devices/1": ("catalog devices",),
    "device/1": (
        "catalog devices h100",
        "catalog devices m3max",
        "catalog devices 'jetson orin nx'",
    ),
    "models/1": ("catalog models",),
    "model/1": ("catalog models gpt-oss-120b", "catalog models llama-3-8b"),
    "prices/1": ("catalog prices l40s", "catalog prices llama-3.1-8b"),
    "formats/1": ("catalog formats",),
    "economics/1": ("catalog economics",),
}
JSON_TYPES: dict[type, str] = {
    str: "text", bool: "true/false", int: "number", float: "number", type(None): "null",
    dict: "object", list: "list",
}  # fmt: skip
UNITS = [
    (r"tok_s(_per_user)?$", "tokens/s"),
    (r"flop_per_s", "FLOP/s"),
    (r"bytes_per_s(?!eq)", "B/s"),
    (r"bytes_per_token", "B/token"),
    (r"requests_per_usd", "1/USD"),
    (r"usd_per(_unit)?_h", "USD/h"),
    (r"usd_per_user_month$", "USD/month"),
    (r"mtok_per_month", "Mtok/month"),
    (r"^own_usd_per_h$", "USD/h"),
    (r"usd_per_request$", "USD"),
    (r"g_per_kwh$", "g/kWh"),
    (r"g_per_mtok$", "g/Mtok"),
    (r"usd_per_month", "USD/month"),
    (r"usd_per_mtok", "USD/Mtok"),
    (r"_usd$", "USD"),
    (r"j_per_token", "J/token"),
    (r"j_per_request", "J"),
    (r"_per_s$", "1/s"),
    (r"_bytes|bytes_per_seq|^bytes$", "B"),
    (r"flop$", "FLOP"),
    (r"_tokens$", "tokens"),
    (r"bits$", "bit"),
    (r"_frac$", "1"),
    (r"_w$", "W"),
    (r"_s$", "s"),
]
COUNTED = {"", "1", "devices", "sequences", "tokens"}
"""Units that a key need not name."""


@dataclass(frozen=True)
class Key:
    types: tuple[str, ...]
    optional: bool
    unit: str


def read_page() -> dict[str, dict[str, Key]]:
    """Section -> key -> what the page says of it."""
    out: dict[str, dict[str, Key]] = {}
    section = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        elif line.startswith("| `"):
            name, kind, unit, meaning = (cell.strip() for cell in line.strip("|").split("|"))
            assert meaning, line
            types, _, optional = kind.partition(", ")
            assert name.strip("`") not in out.get(section, {}), line
            found = Key(tuple(types.split(" or ")), optional == "optional", unit)
            out.setdefault(section, {})[name.strip("`")] = found
    return out


SECTIONS = read_page()


def flat(section: str) -> dict[str, Key]:
    """A section's keys, with those of a shared object that stands at its top."""
    keys = dict(SECTIONS[section])
    inner = keys.pop("...", None)
    return keys if inner is None else flat(inner.types[0]) | keys


class Checker:
    """Walks a result beside the page and remembers which keys it met."""

    def __init__(self) -> None:
        self.met: set[tuple[str, str]] = set()

    def section(self, value: dict[str, Any], name: str, where: str) -> None:
        keys = flat(name)
        self.inside(value, name, keys, "", where)

    def inside(
        self, value: dict[str, Any], name: str, keys: dict[str, Key], prefix: str, where: str
    ) -> None:
        level = {key[len(prefix) :]: key for key in keys if key.startswith(prefix)}
        direct = {rest: key for rest, key in level.items() if not re.search(r"[.\[]", rest)}
        for key, item in value.items():
            documented = direct.get(key) or direct.get("*")
            assert documented, f"{where}: {prefix}{key} is not in docs/json.md, {name}"
            self.met.add((name, documented))
            self.item(item, name, keys, documented, f"{where}.{key}")
        needed = {r for r, key in direct.items() if r != "*" and not keys[key].optional}
        assert needed <= set(value), f"{where}: {needed - set(value)} missing"

    def item(self, item: Any, name: str, keys: dict[str, Key], key: str, where: str) -> None:
        kinds, own = keys[key].types, JSON_TYPES[type(item)]
        if own == "list":
            (kind,) = kinds
            assert kind.startswith("list of "), where
            for part in item:
                self.one(part, kind.removeprefix("list of "), name, keys, f"{key}[].", where)
        elif own == "object":
            kind = next(kind for kind in kinds if kind == "object" or kind[0].isupper())
            self.one(item, kind, name, keys, f"{key}.", where)
        else:
            assert own in kinds, f"{where} is {own}, documented as {kinds}"

    def one(
        self, item: Any, kind: str, name: str, keys: dict[str, Key], prefix: str, where: str
    ) -> None:
        if kind[0].isupper():
            self.section(item, kind, where)
        elif kind == "object":
            self.inside(item, name, keys, prefix, where)
        else:
            assert JSON_TYPES[type(item)] == kind, where


def not_json(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


def truth_file(folder: Path) -> None:
    same = {"hardware": "l40s", "n_accel": 1, "weights": "fp16", "engine": "vllm", "osl": 128}
    same |= {"scenario": "single_stream", "isl": 512, "value": 45, "scored": 1}
    rows = [
        {"case_id": "a", "model": "Llama-3-8B", "metric": "decode_tok_s"},
        {"case_id": "a", "model": "Llama-3-8B", "metric": "power_mean_w"},
        {"case_id": "b", "model": "Llama-3-70B", "metric": "ttft_p50_ms"},
        {"case_id": "c", "model": "Llama-3-8B", "metric": "decode_tok_s", "engine": "sglang"},
    ]
    lines = [",".join(str((same | row).get(column, "")) for column in COLUMNS) for row in rows]
    (folder / "truth.csv").write_text("\n".join([",".join(COLUMNS), *lines, ""]))


def recordings(folder: Path) -> None:
    same = (ROOT / "tests/data/parity/w18_full_hits.json").read_text()
    (folder / "same.json").write_text(same)
    document = json.loads(same)
    document["steps"][-1][-3] += 1
    (folder / "differs.json").write_text(json.dumps(document))


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "home", lambda: folder)  # for what a user keeps
        return run_all(folder)


def run_all(folder: Path) -> dict[str, list[dict[str, Any]]]:
    shutil.copy(PROBED, folder / "probed.json")
    truth_file(folder)
    recordings(folder)
    out: dict[str, list[dict[str, Any]]] = {}
    for schema, commands in COMMANDS.items():
        for command in commands:
            words = re.sub(r"\S+\.(csv|json)\b", lambda name: str(folder / name[0]), command)
            done = CliRunner().invoke(cli, f"{words} --json", catch_exceptions=False)
            assert done.exit_code == ("differs" in command), command
            found = json.loads(done.stdout, parse_constant=not_json)
            assert found["schema"] == f"inferplan.{schema}", command
            out.setdefault(schema, []).append(found)
    return out


def test_the_page_and_the_commands_have_the_same_keys(results):
    checker = Checker()
    for schema, found in results.items():
        for result in found:
            checker.section(result, schema, schema)
    documented = {(name, key) for name, keys in SECTIONS.items() for key in keys if key != "..."}
    met = {(name, key) for name, key in checker.met if key in SECTIONS[name]}
    met |= {(owner, key) for name, key in checker.met for owner in _inherited(name, key)}
    assert not documented - met, "documented, but no command printed it"


def _inherited(name: str, key: str) -> Iterator[str]:
    inner = SECTIONS[name].get("...")
    if inner is not None and key not in SECTIONS[name]:
        yield inner.types[0]


def test_every_command_that_prints_json_is_documented():
    schemas = {name for name in SECTIONS if "/" in name}
    code = Path(inferplan.__file__).parent.joinpath("cli").glob("*.py")
    emitted = {name for path in code for name in re.findall(r'"([\w-]+/\d+)"', path.read_text())}
    assert schemas == emitted == set(COMMANDS)


@pytest.mark.parametrize("section", SECTIONS)
def test_names_and_units_agree(section):
    for key, about in SECTIONS[section].items():
        if not {"number", "list of number", "Quantiles"} & set(about.types):
            continue
        last = key.replace("[]", "").removesuffix(".*").rpartition(".")[2]
        named = next((unit for pattern, unit in UNITS if re.search(pattern, last)), None)
        if named is not None:
            assert about.unit == named, f"{section}: {key}"
        elif section != "Quantiles":  # its unit is in the name of the key that holds it
            assert about.unit in COUNTED, f"{section}: {key} does not name its unit"


def test_an_error_prints_nothing_on_stdout():
    done = subprocess.run(
        [sys.executable, "-m", "inferplan", "predict", "llama-3.1-8b", "h1000", "--json"],
        capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(Path(inferplan.__file__).parents[1])},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
