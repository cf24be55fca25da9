"""One text, three places to look."""

import json

import pytest

from inferplan.catalog import hub
from inferplan.catalog.models import model
from inferplan.catalog.resolve import resolve_model
from inferplan.errors import DataError, UnknownNameError

CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setattr(hub, "model_from_hub", lambda repo: (model("Llama-3-8B"), repo))


@pytest.mark.parametrize(
    ("text", "name", "weights"),
    [
        ("Llama-3.1-8B", "Llama-3.1-8B", None),
        ("meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B", None),
        ("Qwen/Qwen3-8B-FP8", "Qwen3-8B", "fp8"),
        ("mlx-community/gemma-3-27b-it-qat-4bit", "Gemma-3-27B", "mlx_q4"),
    ],
)
def test_catalogue_comes_first(text, name, weights):
    assert resolve_model(text) == (model(name), weights)


def test_local_paths(tmp_path, monkeypatch):
    folder = tmp_path / "my" / "toy"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    assert resolve_model(str(folder))[0].id == "toy"
    assert resolve_model(str(folder / "config.json"))[0].id == "toy"
    monkeypatch.chdir(tmp_path)
    assert resolve_model("my/toy")[0].id == "toy"  # a folder wins over the hub


def test_folder_of_gguf_files(tmp_path):
    with pytest.raises(DataError, match="0 models in GGUF"):
        resolve_model(str(tmp_path))
    (tmp_path / "a.gguf").write_bytes(b"")
    with pytest.raises(DataError, match="no GGUF file"):
        resolve_model(str(tmp_path))
    (tmp_path / "b.gguf").write_bytes(b"")
    with pytest.raises(DataError, match="2 models in GGUF; give one file"):
        resolve_model(str(tmp_path))


@pytest.mark.parametrize("name", ["absent.gguf", "folder/absent.json"])
def test_missing_file_is_not_looked_up_on_the_hub(name):
    with pytest.raises(DataError, match="no such file"):
        resolve_model(name)


def test_repository_goes_to_the_hub():
    assert resolve_model("someone/something-new")[1] == "someone/something-new"


@pytest.mark.parametrize("name", ["Lama-3-8", "a/b/c", "", " ", "x" * 5000, "nul\0l"])
def test_unknown_name(name):
    with pytest.raises(UnknownNameError, match="inferplan catalog models"):
        resolve_model(name)
