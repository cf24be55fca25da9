"""The command line: output, exit codes, one-line errors."""

import csv
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = ["recommend", "llama-3.1-8b", "--rate", "10", "--isl", "1500", "--osl", "300",
          "--ttft-p95", "1s", "--tpot-p95", "50ms", "--today", "2026-11-22"]  # fmt: skip
MONEY = ("cost", "breakeven", "tco", "decide")
FEW = ["--devices", "h100_sxm,l40s,rtx4090,a10g"]


def run(*args):
    command = [sys.executable, "-m", "inferplan", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def answer(*args):
    done = run(*args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_help_names_every_command():
    text = run("--help").stdout
    for command in ("recommend", "predict", "fit", "explain", "validate", "catalog", *MONEY):
        assert command in text


@pytest.mark.parametrize(
    "command", ["recommend", "predict", "fit", "explain", "validate", "catalog", *MONEY]
)
def test_every_help_has_an_example_and_fits_100_columns(command):
    text = run(command, "--help").stdout
    assert f"inferplan {command}" in text
    assert "Example" in text
    assert max(map(len, text.splitlines())) <= 100


def test_recommend_ranks_the_whole_catalogue():
    found = answer(*README)
    costs = [option["price"]["usd_per_h"] for option in found["options"]]
    assert costs == sorted(costs)
    assert len(found["options"]) == 10
    seen = {o["deployment"]["device"] for o in found["options"]} | {
        x["device"] for x in found["losers"]
    }
    assert len(seen) == found["question"]["devices_considered"] > 150
    for option in found["options"]:
        assert option["serving"]["ttft_s"]["p95"] <= 1.0
        assert option["serving"]["tpot_s"]["p95"] <= 0.05
        assert option["serving"]["rate_per_s"] == pytest.approx(10, rel=1e-3)


PAGES = [
    "predict llama-3.1-8b h100",
    "fit gpt-oss-120b h100",
    "fit llama-3.1-8b",
    "catalog devices",
    "catalog models",
    "catalog formats",
    "catalog devices b300",
    "catalog models deepseek-v3",
    "catalog prices l40s",
    "catalog prices qwen3-32b",
    "explain ttft llama-3.1-8b h100",
]


@pytest.mark.parametrize("args", [README, [*README, "--all"], *map(shlex.split, PAGES)])
def test_tables_fit_100_columns(args):
    done = run(*args)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_stale_prices_are_flagged_by_the_given_day():
    late = answer(*README[:-1], "2030-01-01", *FEW)
    assert all(option["price"]["stale"] for option in late["options"])
    assert any("STALE" in line for line in late["assumptions"])


def test_predict_explain_and_recommend_agree():
    plan = ["llama-3.1-8b", "h100", "--weights", "fp8", "--isl", "800", "--osl", "100"]
    predicted = answer("predict", *plan, "--batch", "8")
    derived = answer("explain", "tpot", *plan, "--batch", "8")
    assert derived["derivation"]["value"] == predicted["tpot_s"]


def test_alias_is_echoed():
    assert (
        "deepseek-r1 (architecture of DeepSeek-V3)"
        in run(
            "recommend", "deepseek-r1", "--rate", "1", "--devices", "h200", "--class", "datacenter"
        ).stdout
    )


def test_class_apple_is_bought():
    found = answer("recommend", "llama-3.2-3b", "--concurrency", "1", "--class", "apple")
    assert {option["price"]["how"] for option in found["options"]} == {"buy"}


def test_users_with_think_time():
    calm = answer("recommend", "llama-3.1-8b", "--users", "200", "--think", "60s", *FEW)
    busy = answer("recommend", "llama-3.1-8b", "--users", "200", "--think", "5s", *FEW)
    assert calm["options"][0]["price"]["usd_per_h"] <= busy["options"][0]["price"]["usd_per_h"]


WRONG = {
    "unknown model": ("recommend lama-3.1-8b --rate 10", "did you mean Llama-3.1-8B"),
    "misspelt device": ("predict llama-3.1-8b rtx409", "did you mean rtx4090"),
    "negative rate": ("recommend llama-3.1-8b --rate -5", "--rate: -5 is not above zero"),
    "NaN rate": ("recommend llama-3.1-8b --rate nan", "--rate: nan"),
    "no load": ("recommend llama-3.1-8b", "exactly one of --rate"),
    "two loads": ("R --users 3", "exactly one of"),
    "no unit": ("R --ttft 1", "did you mean 1ms or 1s?"),
    "bad unit": ("R --tpot-p95 1parsec", "parsec"),
    "impossible": ("R --tpot-p95 10us", "the nearest is"),
    "too dear": ("R --budget 0.01/h", "the cheapest is"),
    "bare budget": ("R --budget 5", "write 5/h"),
    "bad class": ("R --class datacentre", "datacenter"),
    "bad objective": ("R --objective speed", "cost"),
    "bad provider": ("R --provider aw5", "AWS"),
    "bad weights": ("predict llama-3.1-8b h100 --weights fp9", "did you mean fp8"),
    "not runnable": ("predict llama-3.1-8b v100 --weights fp8", "does not run on"),
    "does not fit": ("predict llama-3.1-70b rtx4090", "does not fit 1 x rtx4090"),
    "tp splits heads": ("predict llama-3.1-8b rtx4090 --tp 3", "does not divide the 32"),
    "tp beyond domain": ("predict llama-3.1-8b rtx4090 --tp 16", "exceeds the 8"),
    "no link": ("predict llama-3.1-8b 'm3 max' --tp 2", "it has no link"),
    "batch too large": ("predict llama-3.1-8b h100 --batch 99999", "the KV pool holds"),
    "memory not sold": ("predict llama-3.1-8b 'm3 max' --memory 13GB", "is not sold"),
    "context": ("fit llama-3.1-8b h100 --context 999999999", "exceeds the 131072"),
    "isl": ("R --isl 500000", "exceed the 131072"),
    "unknown figure": ("explain tpto llama-3.1-8b h100", "did you mean tpot"),
    "no price": ("explain usd_per_h llama-3.1-8b sn40l --rate 1", "no price"),
    "no prices file": ("R --prices none.csv", "none.csv"),
    "no truth file": ("validate none.csv", "none.csv"),
    "unknown command": ("frobnicate", "No such command"),
    "missing model": ("recommend", "Missing argument 'MODEL'"),
    "bad day": ("R --today soon", "YYYY-MM-DD"),
}
"""Case -> what is typed, and what the error says; R stands for a complete recommend command."""


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_clear_line_and_exit_2(case):
    typed, expected = WRONG[case]
    done = run(*shlex.split(re.sub(r"^R ", "recommend llama-3.1-8b --rate 1 ", typed)))
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert expected in lines[0]


def test_nan_price_and_bad_config_name_the_place(tmp_path):
    prices = tmp_path / "prices.csv"
    prices.write_text(
        "provider,instance,region,device,count,usd_per_h,kind,as_of\n"
        "x,y,z,h100_sxm,1,nan,on_demand,2026-11-01\n"
    )
    done = run("recommend", "llama-3.1-8b", "--rate", "1", "--prices", str(prices))
    assert done.returncode == 2
    assert "row 1, usd_per_h: 'nan'" in done.stderr
    config = tmp_path / "config.json"
    config.write_text('{"model_type":')
    done = run("predict", str(config), "h100")
    assert done.returncode == 2
    assert "is not JSON" in done.stderr
    config.write_text('{"architectures": ["FooForCausalLM"], "hidden_size": 8}')
    done = run("predict", str(config), "h100")
    assert done.returncode == 2
    assert "missing num_attention_heads, vocab_size, num_hidden_layers" in done.stderr


def test_own_prices_and_own_device(tmp_path):
    prices = tmp_path / "prices.csv"
    prices.write_text(
        "provider,instance,region,device,count,usd_per_h,kind,as_of\n"
        "mine,box,home,h100_sxm,1,0.123,on_demand,2026-11-01\n"
    )
    found = answer(*README, "--prices", str(prices), "--devices", "h100_sxm")
    assert found["options"][0]["price"]["usd_per_h"] == 0.123
    device = tmp_path / "mine.yaml"
    device.write_text("id: my_card\nbased_on: rtx4090\nmemory: 48GB\nprice_usd: 1000\n")
    mine = answer("predict", "llama-3.1-8b", str(device))
    stock = answer("predict", "llama-3.1-8b", "rtx4090")
    assert mine["deployment"]["device"] == "my_card"
    assert mine["sequences_held"] > stock["sequences_held"]


TINY = str(Path(__file__).parents[1] / "data" / "truth_tiny.csv")


def test_validate_writes_every_row_and_scores(tmp_path):
    out = tmp_path / "predictions.csv"
    done = run("validate", TINY, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("group")
    truth, predictions = (
        list(csv.DictReader(path.read_text().splitlines())) for path in (Path(TINY), out)
    )
    assert list(predictions[0]) == ["case_id", "metric", "predicted", "lo90", "hi90", "reason"]
    assert len(predictions) == len(truth)
    assert all(row["predicted"] or row["reason"] for row in predictions)


def test_validate_predicts_what_ships_where_no_file_is_named():
    done = run("validate", "--source", "qwendoc", "--worst", "3")
    assert done.returncode == 2
    assert "--source: 'qwendoc' is not known" in done.stderr
    done = run("validate", "--source", "qwen2.5", "--hardware", "a100", "--worst", "3")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"[\d,]+ of [\d,]+ results of 1 source that ship with inferplan", lines[0])
    assert lines[2].startswith("group")
    assert "Worst cells" in done.stdout


def test_validate_as_json_says_what_was_scored():
    done = run("validate", TINY, "--kind", "tpot", "--worst", "2", "--json")
    found = json.loads(done.stdout)
    assert list(found["by_kind"]) == ["tpot"]
    assert (found["shipped"], found["sources"], len(found["worst"])) == (False, 1, 1)


def test_validate_checks_the_folder_before_it_works():
    done = run("validate", TINY, "--out", "/nonexistent/p.csv")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --out: /nonexistent/p.csv cannot be written")


def test_internal_errors_leave_no_traceback(monkeypatch, capsys):
    from inferplan.cli import main as module

    def broken(**_):
        raise ZeroDivisionError("boom")

    monkeypatch.setattr(module.cli, "main", broken)
    with pytest.raises(SystemExit) as stop:
        module.main()
    assert stop.value.code == module.INTERNAL_ERROR
    text = capsys.readouterr().err
    assert "internal error: ZeroDivisionError: boom" in text
    assert "Traceback" not in text
