"""A public claim beside what is right, as a page."""

from __future__ import annotations

from collections.abc import Sequence

from inferplan.plan.claim import Finding
from inferplan.report.table import Page, Table, bullet


def claim_page(text: str, findings: Sequence[Finding], *, holds: bool) -> Page:
    """The claim, the verdict, and each figure.

    Parameters
    ----------
    text : str
        The claim.
    findings : sequence of Finding
        Its figures.
    holds : bool
        Whether nothing contradicts it.
    """
    wrong = [finding for finding in findings if finding.holds is False]
    verdict = "nothing here contradicts it" if holds else " and ".join(_breaks(wrong))
    rows = tuple(
        (
            f"{finding.what} [{finding.unit}]",
            "-" if finding.claimed is None else figure(finding.claimed),
            f"{'at most ' if finding.bound else ''}{figure(finding.right)}",
            "" if finding.factor is None or finding.holds else f"{figure(finding.factor)} x",
            {True: "yes", False: "NO", None: "computed"}[finding.holds],
        )
        for finding in findings
    )
    columns = ("figure", ">claimed", ">by the others, or possible", ">off by", "holds")
    whys = dict.fromkeys(finding.why for finding in findings)
    return Page(
        (f"Claim: {text}", f"Verdict: {verdict}.", Table("", columns, rows), *map(bullet, whys))
    )


def _breaks(wrong: Sequence[Finding]) -> list[str]:
    out = []
    if any(f.unit in ("USD/Mtok", "USD/h") or (f.what == "tokens" and not f.bound)
           for f in wrong):  # fmt: skip
        out.append("it breaks arithmetic")
    if any(f.bound for f in wrong):
        out.append("it breaks the roofline")
    if any(f.unit in ("TFLOP/s", "GB") for f in wrong):
        out.append("it is not what the specification says")
    return out


def figure(value: float) -> str:
    """Four digits, with separators.

    Examples
    --------
    >>> figure(13.888888), figure(460800000.0)
    ('13.89', '460,800,000')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
