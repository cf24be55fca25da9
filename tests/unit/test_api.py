"""The Python API: results are frozen, plain-data and notebook-ready."""

import dataclasses
import json

import pytest

import inferplan as ip
from inferplan.errors import InferplanError, InputError
from inferplan.report.table import Page, Table, to_html, to_text


@pytest.fixture(scope="module")
def answer():
    return ip.recommend("llama-3.1-8b", rate=5, isl=1000, osl=200, devices=["h100", "l40s"])


def test_public_names_import_lazily():
    assert set(ip.__all__) <= set(dir(ip))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ip.nothing


def test_results_are_frozen(answer):
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.searched = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        ip.predict("llama-3.1-8b", "h100").tpot_s = 0  # type: ignore[misc]


def test_results_are_plain_data(answer):
    for result in (answer, ip.predict("llama-3.1-8b", "h100"), ip.fit("llama-3.1-8b", "h100")):
        json.dumps(result.to_dict())


def test_notebook_and_text_views(answer):
    for result in (answer, ip.predict("llama-3.1-8b", "h100"), ip.fit("llama-3.1-8b", "h100")):
        html = result._repr_html_()
        assert html.count("<table>") == html.count("</table>") >= 2
        assert "<script" not in html
        assert max(map(len, str(result).splitlines())) <= 100


def test_devices_may_be_objects_or_names():
    mine = dataclasses.replace(ip.device("rtx4090"), id="twin")
    found = ip.recommend(
        "llama-3.2-3b", rate=1, isl=100, osl=50, devices=[mine, "l40s"], acquire="any"
    )
    assert {o.plan.device.id for o in found.options} == {"twin", "l40s"}


def test_local_config_is_a_model(tmp_path):
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
              "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
              "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072,
              "tie_word_embeddings": False, "torch_dtype": "bfloat16"}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    ours = ip.predict(str(tmp_path), "h100", isl=1000, osl=100, weights="bf16")
    theirs = ip.predict("llama-3.1-8b", "h100", isl=1000, osl=100, weights="bf16")
    assert ours.tpot_s == theirs.tpot_s


def test_quantised_config_sets_the_weights(tmp_path):
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
              "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
              "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072,
              "quantization_config": {"quant_method": "fp8"}}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert ip.predict(str(tmp_path), "h100").plan.weights.id == "fp8"


def test_errors_share_one_base():
    for call in (
        lambda: ip.recommend("nope", rate=1, isl=1, osl=1),
        lambda: ip.recommend("llama-3.1-8b", rate=0, isl=1, osl=1),
        lambda: ip.predict("llama-3.1-8b", "h100", batch=-1),
        lambda: ip.fit("llama-3.1-8b", "h100", gpu_memory_utilization=1.5),
        lambda: ip.explain("tpot", "llama-3.1-8b", "h100", batch=1, rate=1),
    ):
        with pytest.raises(InferplanError):
            call()
    with pytest.raises(InputError, match="--ttft-p95"):
        ip.recommend("llama-3.1-8b", rate=1, isl=1, osl=1, ttft_p95="5")


def test_vllm_report_of_a_tiny_model(tmp_path):
    """A real vLLM 0.32 server: 4 layers, 2 KV heads x 32, bf16, 1 GiB KV; see docs/model.md."""
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256,
              "intermediate_size": 688, "num_hidden_layers": 4, "num_attention_heads": 8,
              "num_key_value_heads": 2, "head_dim": 32, "vocab_size": 2048,
              "max_position_embeddings": 2048, "torch_dtype": "bfloat16"}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = ip.fit(str(tmp_path), "h100", kv_pool_bytes=2.0**30, engine="vllm")
    assert found.pool_tokens == 1_048_576
    assert found.concurrency[-1].context_tokens == 2048
    assert found.concurrency[-1].sequences == 512.0
    assert "GPU KV cache size: 1,048,576 tokens" in str(found)
    assert "Maximum concurrency for 2,048 tokens per request: 512.00x" in str(found)


def test_table_escapes_markup():
    page = Page(
        (Table("t", ("~a", ">b"), (("[bold]x[/bold]", "<b>"),), note="n < m"), "plain [text]")
    )
    assert "[bold]x[/bold]" in to_text(page)
    assert "&lt;b&gt;" in to_html(page)
    assert "n &lt; m" in to_html(page)
