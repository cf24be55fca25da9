"""``decide``: walk the tree, asking only what changes the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from inferplan.api import select
from inferplan.api.build import find_model
from inferplan.api.calls import recommend
from inferplan.api.decide_branches import (
    Case,
    api_branch,
    fleet_words,
    floor_usd_per_month,
    fte,
    own_branch,
    own_usd_per_month,
    owned,
    rent_branch,
)
from inferplan.api.results import Shown, ShownRecommendation
from inferplan.plan.decide import (
    DATA,
    LATENCIES,
    QUESTIONS,
    Answerer,
    Branch,
    Decision,
    Step,
)
from inferplan.plan.decide_answers import (
    read_budget,
    read_choice,
    read_load,
    read_use,
    read_years,
)
from inferplan.plan.option import Option
from inferplan.report.decide import decision_page
from inferplan.report.table import Page
from inferplan.units import show_usd

HORIZONS = (1, 2, 3, 4, 5)
"""Years at which owning is compared with renting, to see whether the horizon matters."""

HORIZON = 3.0
"""Years that owning is used for where the horizon does not matter."""

CLOSE = 1.25
"""Branches that cost less than this many times the cheapest are not told apart."""


@dataclass(frozen=True)
class ShownDecision(Shown, Decision):
    """A :class:`~inferplan.plan.decide.Decision` that shows itself."""

    __str__ = Shown.__str__

    def page(self) -> Page:
        """What is shown."""
        return decision_page(self)


class Path:
    """The way through the tree so far: asks, remembers, and says what was not needed.

    Parameters
    ----------
    ask : callable
        Gives the answer to a question.
    """

    def __init__(self, ask: Answerer) -> None:
        self.ask, self.steps = ask, dict[str, Step]()

    def answer(self, key: str) -> str:
        """Ask a question of the tree."""
        asked = QUESTIONS[key]
        text = str(self.ask(asked)).strip() or asked.default
        self.steps[key] = Step(key, asked.text, text, "")
        return text

    def says(self, key: str, words: str) -> None:
        """What an answer leads to."""
        self.steps[key] = replace(self.steps[key], says=words)

    def decision(self, branches: list[Branch], warning: str = "") -> ShownDecision:
        """The end: the first branch, and the others by cost."""
        skipped = tuple(key for key in QUESTIONS if key not in self.steps)
        chosen, *others = branches
        others.sort(key=lambda branch: branch.usd_per_month)
        return ShownDecision(tuple(self.steps.values()), chosen, tuple(others), skipped, warning)


def decide(
    ask: Answerer,
    *,
    today: date | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> ShownDecision:
    """Walk the decision tree: API, rent or own, on which hardware, at what cost.

    Parameters
    ----------
    ask : callable
        Gives the answer to an :class:`~inferplan.plan.decide.Ask`; it is called only for questions
        whose answer matters.
    today : date or None
        Day on which prices are judged; None: the current day.
    progress : callable or None
        Told devices simulated and their number.

    Raises
    ------
    InferplanError
        For an answer that is not understood, or if nothing serves the load.
    """
    path, day = Path(ask), today or select.today()
    asked = path.answer("model")
    spec, _ = find_model(asked)
    path.says("model", f"{spec.id}, released {spec.released}" if spec.released else spec.id)
    data = read_choice("data", path.answer("data"), DATA)
    path.says("data", DATA[data])
    use = read_use(path.answer("use"))
    path.says("use", f"{use[0]:,.0f} tokens in, {use[1]:,.0f} out")
    load = read_load(path.answer("load"), use)
    path.says("load", f"{load.words}; {load.mtok_per_month:,.0f}M tokens a month")
    case = Case(asked, spec, load, data, day, progress)
    api = api_branch(case) if data == "anywhere" else None
    floor = floor_usd_per_month(case)
    if api is not None and floor is not None and api.usd_per_month < floor:
        words = (
            f"an API costs {show_usd(api.usd_per_month)} a month, the smallest rented machine that"
            f" holds the model with {fte():g} of an engineer {show_usd(floor)}: nothing asked"
            " further would change that"
        )
        path.says("load", f"{path.steps['load'].says}; {words}")
        return path.decision([api])
    return _self_hosted(path, case, api)


def _self_hosted(path: Path, case: Case, api: Branch | None) -> ShownDecision:
    """The part of the tree where it is not an API for sure."""
    latency = read_choice("latency", path.answer("latency"), LATENCIES)
    answer = _recommended(case, latency)
    best = answer.best
    path.says("latency", fleet_words(best, case, latency))
    branches: list[Branch] = [] if api is None else [api]
    if case.data == "premises":
        branches.append(_buy(path, case, best, latency, None))
    else:
        rent = rent_branch(case, best, latency)
        branches.append(rent)
        if answer.purchases:
            branches.append(_buy(path, case, answer.purchases[0], latency, rent))
    branches.sort(key=lambda branch: branch.usd_per_month)
    return _within_budget(path, case, latency, branches)


def _recommended(case: Case, latency: str) -> ShownRecommendation:
    return recommend(
        case.spec, rate=case.load.rate_per_s * case.swing(latency), isl=case.load.isl,
        osl=case.load.osl, top=1, today=case.day, progress=case.progress,
        acquire="buy" if case.data == "premises" else "auto", **case.limits(latency),
    )  # fmt: skip


def _within_budget(path: Path, case: Case, latency: str, branches: list[Branch]) -> ShownDecision:
    budget, best = read_budget(path.answer("budget")), branches[0]
    if budget is None or best.usd_per_month <= budget:
        fits = f"{show_usd(best.usd_per_month)} is within it"
        path.says("budget", "no limit" if budget is None else fits)
        close = [b.name for b in branches[1:] if b.usd_per_month < CLOSE * best.usd_per_month]
        near = f"{' and '.join(close)} costs little more: within what is uncertain here"
        return path.decision(branches, near if close else "")
    short = show_usd(best.usd_per_month - budget)
    words = f"even the cheapest branch exceeds it by {short} a month"
    if latency != "batch":
        slow = rent_branch(case, _recommended(case, "batch").best, "batch")
        if slow.usd_per_month <= budget:
            path.says("budget", f"{words}, but without limits of latency it does not")
            only = "it has no limits of latency: answers wait at the peak"
            return path.decision([slow, *branches], only)
    path.says("budget", words)
    return path.decision(
        branches,
        f"over the budget by {short} a month; a smaller model or less load would cost less",
    )


def _buy(path: Path, case: Case, option: Option, latency: str, rent: Branch | None) -> Branch:
    """Owning the best fleet to buy; asks for the horizon only if it decides between the two."""
    found, years = owned(case, option, latency), HORIZON
    costs = {span: own_usd_per_month(found, float(span)) for span in HORIZONS}
    if rent is not None and len({cost < rent.usd_per_month for cost in costs.values()}) == 2:
        years = read_years(path.answer("horizon"))
        shown = ", ".join(f"{span} years {show_usd(cost)}" for span, cost in costs.items())
        against = f"; renting to {show_usd(rent.usd_per_month)}"
        path.says("horizon", f"owning comes to, a month: {shown}{against}")
    return own_branch(case, option, latency, found, years)
