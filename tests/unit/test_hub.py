"""The hub, without a network: its download function is replaced."""

import builtins
import json

import pytest

hub = pytest.importorskip("huggingface_hub")

from huggingface_hub import errors  # noqa: E402

from inferplan.catalog import hub as hub_module  # noqa: E402
from inferplan.catalog.hub import model_from_hub  # noqa: E402
from inferplan.errors import InputError  # noqa: E402

CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "quantization_config": {"quant_method": "fp8"},
}


def _error(kind):
    made = kind.__new__(kind)
    Exception.__init__(made, "told by the hub")
    return made


def test_config_is_read(monkeypatch, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(CONFIG), encoding="utf-8")
    asked = []

    def download(*args, local_files_only):
        asked.append((*args, local_files_only))
        return str(file)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    monkeypatch.setattr(hub_module, "reachable", lambda: True)
    spec, weights = model_from_hub("someone/toy-model")
    assert asked == [("someone/toy-model", "config.json", False)]
    assert (spec.id, spec.hf_id, weights) == ("toy-model", "someone/toy-model", "fp8")


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (errors.GatedRepoError, "is gated"),
        (errors.RepositoryNotFoundError, "is not on the hub"),
        (errors.LocalEntryNotFoundError, "cannot be fetched offline"),
        (errors.OfflineModeIsEnabled, "cannot be fetched offline"),
        (errors.EntryNotFoundError, r"has no config\.json"),
        (errors.HFValidationError, "is no repository name"),
        (errors.HfHubHTTPError, r"cannot be fetched \(HfHubHTTPError\)"),
        (ConnectionError, r"cannot be fetched \(ConnectionError\)"),
    ],
)
def test_each_failure_has_its_own_words(kind, problem, monkeypatch):
    def fail(*_, **__):
        raise _error(kind)

    monkeypatch.setattr(hub, "hf_hub_download", fail)
    monkeypatch.setattr(hub_module, "reachable", lambda: True)
    with pytest.raises(InputError, match=problem):
        model_from_hub("someone/toy-model")


def test_missing_package(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("huggingface_hub"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"needs the hub extra; pip install 'inferplan\[hub\]'"):
        model_from_hub("someone/toy-model")


def test_an_unreachable_hub_is_asked_for_its_cache_only(monkeypatch, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(CONFIG), encoding="utf-8")
    asked = []

    def download(*_, local_files_only):
        asked.append(local_files_only)
        return file

    monkeypatch.setattr(hub_module, "reachable", lambda: False)
    monkeypatch.setattr(hub, "hf_hub_download", download)
    model_from_hub("someone/toy-model")
    assert asked == [True]


def test_reachable_gives_up_at_once(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert not hub_module.reachable(timeout_s=0.5)
