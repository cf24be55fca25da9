"""Every row of the model table must be whole, countable and unambiguous."""

import csv
from pathlib import Path

import pytest

from inferplan.catalog.layers import Attention, LatentAttention, LinearMixer
from inferplan.catalog.models import _index, model, models
from inferplan.catalog.table import rows
from inferplan.estimate.params import count_params

TRUTH = Path(__file__).parents[3] / "shared" / "truth"
NOMINAL = {"Jais-6.7B", "PLaMo-1B", "TeleChat2-3B"}
"""Models of which only a rounded size is published; their rows hold no total."""


def test_table_is_large_and_ids_are_unique():
    names = [row["name"] for row in rows("models.csv")]
    assert len(names) == len(set(names)) == len(models())
    assert len(names) >= 214


def test_no_alias_belongs_to_two_models():
    assert not _index().shared_aliases()


@pytest.mark.parametrize("spec", [*models().values()], ids=lambda spec: spec.id)
def test_count_is_within_half_a_percent_of_the_published_total(spec):
    if spec.params_total_published is None:
        assert spec.id in NOMINAL
        return
    stored = count_params(spec).stored
    assert stored == pytest.approx(spec.params_total_published, rel=0.005)


@pytest.mark.parametrize("spec", [*models().values()], ids=lambda spec: spec.id)
def test_provenance_is_whole(spec):
    assert spec.source
    assert spec.date == "2026-11-22"
    assert spec.trust in {"high", "medium", "low"}
    assert (spec.grade == "assumed") or spec.trust != "low"
    assert spec.family
    assert spec.architecture
    assert spec.licence
    assert spec.native_format in {"bf16", "fp16", "fp8", "mxfp4", "int4", "tq2_0"}


@pytest.mark.parametrize("row", [*rows("models.csv")], ids=lambda row: row["name"])
def test_layers_add_up(row):
    spec = model(row["name"])
    cached = sum(m.count for m in spec.mixers if isinstance(m, Attention | LatentAttention))
    recurrent = sum(m.count for m in spec.mixers if isinstance(m, LinearMixer))
    cross = 8 if "11B-Vision" in spec.id else 20 if "90B-Vision" in spec.id else 0
    assert cached - cross == int(row["full_layers"]) + int(row["window_layers"])
    assert recurrent == int(row["linear_layers"])
    ffns = sum(ffn.count for ffn in spec.ffns)
    assert ffns == int(row["dense_layers"]) + int(row["moe_layers"])
    assert all(group.count > 0 for group in (*spec.mixers, *spec.ffns))


def test_no_machine_paths_or_hosts():
    text = "\n".join(",".join(row.values()) for row in rows("models.csv"))
    for word in (*(f"/{name}/" for name in ("work", "home")), "http", "file-search"):
        assert word not in text


def _truth_names():
    if not TRUTH.is_dir():
        return []
    names = set()
    for part in ("datacenter", "edge", "extra"):
        with (TRUTH / f"{part}.csv").open(encoding="utf-8", newline="") as stream:
            names |= {row["model"] for row in csv.DictReader(stream)}
    return sorted(names)


@pytest.mark.skipif(not TRUTH.is_dir(), reason="the measurements are kept beside the repository")
def test_every_measured_model_is_known():
    unknown = [name for name in _truth_names() if name not in models() and not model(name).id]
    assert not unknown
    assert len(_truth_names()) > 100
