"""What a simulation says of a candidate fleet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inferplan.estimate.serving import ServingResult
from inferplan.plan.sketch import Sketch
from inferplan.serving.outcome import Outcome
from inferplan.workload.load import Load


@dataclass(frozen=True, slots=True)
class Checked:
    """A candidate fleet that keeps the objectives in simulation.

    Parameters
    ----------
    sketch : Sketch
        With the fewest replicas that do, their price, and the simulated operating point.
    outcome : Outcome
        What the simulation showed.
    fewer_fails : bool
        Whether one replica less was simulated and failed; False for a single replica.
    """

    sketch: Sketch
    outcome: Outcome
    fewer_fails: bool

    def result(self, load: Load) -> ServingResult:
        """The simulation's figures in the form that every serving model answers with.

        Parameters
        ----------
        load : Load
            What was asked.
        """
        found, rate = self.outcome, rate_served(self.outcome, load)
        return ServingResult(
            batch=self.sketch.batch,
            batch_limit=self.sketch.batch_limit,
            rate_per_s=rate,
            ttft=found.ttft,
            tpot=found.tpot,
            e2e=found.e2e,
            output_tok_s=rate * load.osl_tokens,
            total_tok_s=rate * (load.osl_tokens + load.isl_tokens),
            prefill_utilisation=found.prompt_budget_frac,
            method="simulated",
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        found = self.outcome
        return {
            "requests": found.requests,
            "busy_frac": found.busy_frac,
            "kv_frac": found.kv_frac,
            "one_replica_less_fails": self.fewer_fails,
        }


@dataclass(frozen=True, slots=True)
class Failed:
    """A candidate that was given up.

    Parameters
    ----------
    device_id : str
        Its device.
    reason : str
        Why, and how near it came.
    """

    device_id: str
    reason: str


def rate_served(found: Outcome, load: Load) -> float:
    """Requests served per second [1/s]: a fleet that keeps up serves what is offered.

    Parameters
    ----------
    found : Outcome
        A simulation that kept up.
    load : Load
        What was asked.
    """
    return load.demand if load.kind == "rate" else found.rate_per_s
