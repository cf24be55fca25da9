"""One replica with a model and request lengths, ready to be timed at any batch."""

from __future__ import annotations

from dataclasses import dataclass

from inferplan.catalog.types import ModelSpec
from inferplan.errors import CannotPredictError
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import Machine, machine
from inferplan.estimate.memory import sequences_held
from inferplan.estimate.operators import Operators, operators
from inferplan.estimate.step import Batch, step_time
from inferplan.physics.batching import mean_decode_context, micro_batch
from inferplan.units import Num


@dataclass(frozen=True, slots=True)
class Setting:
    """One replica with a model and request lengths.

    Parameters
    ----------
    ops, m : Operators, Machine
        The model and one replica.
    isl, osl : float
        Input and output length [tokens].
    varied : bool
        Output lengths vary like those of a chat data set (exponential), not fixed.
    limit : float
        Sequences that run at once: what the KV pool holds at mean context, at most
        ``max_num_seqs``, at least 1.
    """

    ops: Operators
    m: Machine
    isl: float
    osl: float
    varied: bool
    limit: float

    @property
    def steps(self) -> float:
        """Decode steps of a mean request [steps]."""
        return max(self.osl - 1.0, 0.0)

    @property
    def context(self) -> float:
        """Mean context of a decoding sequence [tokens]."""
        return running_context(self.isl, self.osl, varied=self.varied)


def running_context(isl: float, osl: float, *, varied: bool) -> float:
    """Mean context of the sequences that decode at a random moment [tokens].

    Long outputs are seen more often: if lengths are exponential, the mean age of a
    running sequence is the whole mean length, not half of it.

    Examples
    --------
    >>> running_context(100, 20, varied=False), running_context(100, 20, varied=True)
    (110.0, 120.0)
    """
    return float(mean_decode_context(isl, osl * (2.0 if varied else 1.0)))


def setting(
    model: ModelSpec, plan: Deployment, isl: float, osl: float, *, varied: bool = False
) -> Setting:
    """One replica of *plan*, if one request of full length fits it.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What is run.
    isl, osl : float
        Tokens of a request; *isl* counts what is cached already.
    varied : bool
        See :class:`Setting`.

    Raises
    ------
    CannotPredictError
        If it does not fit, or the device cannot run the format.
    """
    m = machine(plan)
    if float(sequences_held(model, m, max(isl + osl, 1.0))) < 1.0:
        raise CannotPredictError(
            f"does not fit: {model.id} in {plan.weights.id} with {isl + osl:g} tokens on"
            f" {plan.devices_per_replica} x {plan.device.id}"
        )
    context = max(running_context(isl, osl, varied=varied), 1.0)
    held = float(sequences_held(model, m, context))
    limit = max(1.0, min(held, float(m.max_num_seqs) * float(m.dp)))
    return Setting(operators(model), m, float(isl), float(osl), varied, limit)


def decode_step_s(at: Setting, batch: Num) -> Num:
    """Time in which each of *batch* sequences of the replica gains one token [s].

    Parameters
    ----------
    at : Setting
        The replica.
    batch : float or array
        Sequences that decode [sequences].
    """
    return step_time(at.ops, at.m, Batch(micro_batch(batch, at.m.pp), at.context)).total_s
