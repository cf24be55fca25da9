"""A decision as a page: the path with its numbers, the recommendation, the commands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from inferplan.plan.decide import QUESTIONS, Decision
from inferplan.report.table import WIDTH, Page, Table, bullet
from inferplan.units import show_usd

INDENT = " " * 6
"""Before what an answer leads to."""


def decision_page(decision: Decision) -> Page:
    """The path, the recommendation and how to see more.

    Parameters
    ----------
    decision : Decision
        The result.
    """
    parts: list[str | Table] = ["The path", *_path(decision)]
    chosen = decision.chosen
    parts.append(f"\nRecommendation: {chosen.what}")
    people = chosen.people_usd_per_month
    of_it = f", {show_usd(people)} of it for the people who run it" if people else ""
    parts.append(f"It costs about {show_usd(chosen.usd_per_month)} a month{of_it}.")
    if decision.warning:
        parts.append(f"But: {decision.warning}.")
    if decision.others:
        rows = tuple(
            (branch.name, branch.what, show_usd(branch.usd_per_month)) for branch in decision.others
        )
        parts.append(Table("\nThe other ways", ("way", "~what", ">$ a month"), rows))
    parts += ["", "In full:", f"  {chosen.command}", "The same path:", f"  {decision.again}"]
    return Page(tuple(parts))


def _path(decision: Decision) -> Iterator[str]:
    for step in decision.steps:
        yield bullet(f"{step.text} {step.answer}")
        yield textwrap.fill(step.says, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    if decision.skipped:
        names = "; ".join(QUESTIONS[key].text for key in decision.skipped)
        yield bullet(f"Not asked, since the answer would change nothing: {names}")
