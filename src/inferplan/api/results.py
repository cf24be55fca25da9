"""Results that notebooks can show: the plain results plus an HTML view and their derivations."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

from inferplan.estimate.fit import Fit
from inferplan.estimate.predict import Prediction
from inferplan.plan.fleet import SmallestFleet
from inferplan.plan.option import Option
from inferplan.plan.recommend import Recommendation
from inferplan.provenance import Node
from inferplan.report.explain import Derivation, explain
from inferplan.report.prediction import fit_page, prediction_page
from inferplan.report.recommendation import recommendation_page
from inferplan.report.table import Page, to_html, to_text

T = TypeVar("T")


class Shown:
    """Text in a terminal, tables in a notebook."""

    __slots__ = ()

    def page(self) -> Page:
        """What is shown."""
        raise TypeError(f"{type(self).__name__} has no page")

    def __str__(self) -> str:
        """Tables as text, 100 columns wide."""
        return to_text(self.page())

    def _repr_html_(self) -> str:
        return to_html(self.page())


@dataclass(frozen=True)
class ShownRecommendation(Shown, Recommendation):
    """A :class:`~inferplan.plan.recommend.Recommendation` that shows and explains itself."""

    __str__ = Shown.__str__

    def page(self) -> Page:
        """What is shown."""
        return recommendation_page(self)

    def explain(self, figure: str, option: Option | None = None) -> Node:
        """Derivation of a figure of an option (the best one, unless given).

        Parameters
        ----------
        figure : str
            E.g. ``"tpot_p95"`` or ``"usd_per_mtok_out"``.
        option : Option or None
            One of ``options``, ``goodput``, ``purchases`` or ``front``.
        """
        chosen, load = option or self.best, self.question.load
        return explain(
            figure,
            Derivation(
                self.question.model, chosen.plan, load.isl_tokens, load.prefill_tokens,
                load.osl_tokens, chosen.result.batch, chosen.price, load.closed,
                simulated=None if chosen.simulation is None else chosen.result,
            ),
        )  # fmt: skip


@dataclass(frozen=True)
class ShownPrediction(Shown, Prediction):
    """A :class:`~inferplan.estimate.predict.Prediction` that shows itself."""

    __str__ = Shown.__str__

    def page(self) -> Page:
        """What is shown."""
        return prediction_page(self)


@dataclass(frozen=True)
class ShownFit(Shown, Fit):
    """A :class:`~inferplan.estimate.fit.Fit` that shows itself.

    Parameters
    ----------
    smallest : SmallestFleet or None
        Fewest devices of this kind that hold one sequence of the asked context.
    """

    smallest: SmallestFleet | None = None

    __str__ = Shown.__str__

    def page(self) -> Page:
        """What is shown."""
        return fit_page(self, self.smallest)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units."""
        fewest = None if self.smallest is None else self.smallest.to_dict()
        return super().to_dict() | {"smallest": fewest}


def shown(kind: type[T], plain: Any, **more: Any) -> T:
    """The plain result as *kind*, field by field, with *more* fields that *kind* adds."""
    return kind(**{f.name: getattr(plain, f.name) for f in fields(plain)}, **more)
