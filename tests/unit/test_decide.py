"""The decision tree: it asks only what matters, and says how to get there again."""

import json
import shlex
from datetime import date

import pytest
from click.testing import CliRunner

from inferplan.api import select
from inferplan.api.decide import decide
from inferplan.catalog.devices import device
from inferplan.cli.main import cli
from inferplan.errors import DataError, InferplanError, InputError
from inferplan.plan.decide_answers import read_budget, read_load, read_years

DAY = date(2026, 11, 22)
RIGHT = {"model": "llama-3.1-8b", "data": "anywhere", "use": "800/200", "load": "5/s",
         "latency": "chat", "horizon": "3", "budget": "none"}  # fmt: skip


FEW = ("l40s", "h100_sxm", "rtx4090", "l4")


@pytest.fixture(autouse=True)
def _few_devices(monkeypatch):
    """The whole catalogue takes ten seconds a walk."""
    few = tuple(device(name) for name in FEW)
    monkeypatch.setattr(select, "select_devices", lambda *_, **__: few)


def walk(**answers):
    asked = []

    def ask(question):
        asked.append(question.key)
        return (RIGHT | answers)[question.key]

    return decide(ask, today=DAY), asked


def test_a_small_load_goes_to_an_api_and_nothing_more_is_asked():
    found, asked = walk(load="20M tokens/month")
    assert found.chosen.name == "api"
    assert asked == ["model", "data", "use", "load"]
    assert found.skipped == ("latency", "horizon", "budget")
    assert "nothing asked further would change that" in found.steps[-1].says


def test_data_that_must_stay_excludes_the_api():
    found, asked = walk(load="20M tokens/month", data="cloud")
    assert {found.chosen.name, *(b.name for b in found.others)} <= {"rent", "own"}
    assert "latency" in asked


def test_on_the_premises_everything_is_bought():
    found, asked = walk(data="premises", load="1/s", model="llama-3.2-3b")
    assert found.chosen.name == "own"
    assert not found.others
    assert "horizon" not in asked  # there is nothing to choose between


def test_the_cheapest_branch_is_chosen():
    found, _ = walk(load="30/s")
    assert found.chosen.usd_per_month <= min(b.usd_per_month for b in found.others)
    assert {found.chosen.name, *(b.name for b in found.others)} == {"api", "rent", "own"}


def test_a_budget_that_is_too_small_is_said():
    found, _ = walk(budget="10", data="cloud")
    assert "over the budget" in found.warning


def test_the_commands_run_and_take_the_same_path():
    found, _ = walk(load="5/s", data="cloud")
    again = shlex.split(found.again)[1:]
    done = CliRunner().invoke(cli, [*again, "--today", "2026-11-22", "--json"])
    data = json.loads(done.output)
    assert data["recommendation"] == found.chosen.to_dict()
    full = CliRunner().invoke(cli, shlex.split(found.chosen.command)[1:], catch_exceptions=False)
    assert full.exit_code == 0


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (read_budget, "-5", "budget: -5"),
        (read_budget, "a lot", "is not a number"),
        (read_years, "0", "half a year to ten years"),
        (read_years, "soon", "is not a number"),
    ],
)
def test_budgets_and_years_that_are_not_understood(read, text, words):
    with pytest.raises(InputError, match=words):
        read(text)


def test_answers_from_a_file(tmp_path):
    path = tmp_path / "answers.yaml"
    path.write_text("model: llama-3.1-8b\nload: 20M tokens/month\n")
    done = CliRunner().invoke(cli, ["decide", "--answers", str(path)], catch_exceptions=False)
    assert "Recommendation: an API" in done.output
    assert max(map(len, done.output.splitlines())) <= 100


@pytest.mark.parametrize(
    ("text", "rate"),
    [("10/s", 10), ("10 requests/s", 10), ("80 users", 2), ("2.628B tokens/month", 1),
     ("86.4M tokens/day", 1)],
)  # fmt: skip
def test_loads(text, rate):
    assert read_load(text, (900.0, 100.0)).rate_per_s == pytest.approx(rate)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"model": "lama-3"}, "did you mean"),
        ({"data": "moon"}, "one of anywhere"),
        ({"use": "-1/300"}, "use"),
        ({"load": "much"}, "write 10/s, 200 users"),
        ({"load": "0/s"}, "load: 0 is not above zero"),
        ({"latency": "slow", "data": "cloud"}, "one of fast, chat"),
    ],
)
def test_answers_that_are_not_understood(answers, words):
    with pytest.raises(InferplanError, match=words):
        walk(**answers)


def test_mistakes_of_the_command(tmp_path):
    def said(*words):
        CliRunner().invoke(cli, ["decide", *words], catch_exceptions=False)

    with pytest.raises(InputError, match="'Which model\\?' is not answered"):
        said()
    with pytest.raises(InputError, match="is not KEY=VALUE"):
        said("--answer", "model")
    with pytest.raises(InputError, match="did you mean load"):
        said("--answer", "laod=3/s")
    path = tmp_path / "a.yaml"
    path.write_text("- model\n")
    with pytest.raises(DataError, match="holds no answers"):
        said("--answers", str(path))
    path.write_text("modl: x\n")
    with pytest.raises(DataError, match="did you mean model"):
        said("--answers", str(path))
