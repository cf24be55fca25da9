"""The derivation of any printed figure: the same formulas, run on sourced nodes.

Nothing is recomputed by a second path: the estimate's own functions are called with
a traced machine (:func:`inferplan.estimate.machine.traced_machine`), so the value at
the root equals the printed one exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from inferplan.catalog.efficiency import profiles
from inferplan.catalog.types import ModelSpec
from inferplan.cost.cloud import rent_usd_per_h
from inferplan.cost.per_token import input_time_share, one_minus, usd_per_mtok_of
from inferplan.errors import CannotPredictError, UnknownNameError
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.kv import cache_bytes
from inferplan.estimate.machine import traced_machine
from inferplan.estimate.memory import cache_bytes_per_seq, memory_use, sequences_held
from inferplan.estimate.operators import operators
from inferplan.estimate.predict import prefill_step
from inferplan.estimate.serving import ServingResult
from inferplan.estimate.steady import Lengths, operating_point
from inferplan.estimate.step import Batch, step_time
from inferplan.metrics.latency import METRICS, STATISTICS
from inferplan.physics import batching
from inferplan.physics.arithmetic import as_simulated, per_second, product, total
from inferplan.physics.power import energy_per_token, fleet_power
from inferplan.physics.queueing import busy_share
from inferplan.plan.price import Price, owned_usd_per_h, ownership_facts
from inferplan.provenance import Fact, Grade, Node, named
from inferplan.provenance import chosen as chosen_node
from inferplan.provenance import given as given_node


def chosen(*args: Any) -> Any:
    """A leaf for a choice, typed so that formulas accept it."""
    return chosen_node(*args)


def given(name: str, fact: Fact) -> Any:
    """A leaf for a fact, typed so that formulas accept it."""
    return given_node(name, fact)


SOLVED = "solved: the batch at which Little's law gives the asked demand"


SIMULATION = "simulated step by step (inferplan simulate)"
"""Source of a figure that a simulation found."""


@dataclass(frozen=True)
class Derivation:
    """A deployment and a load, ready to derive figures from.

    Parameters
    ----------
    model : ModelSpec
        The model.
    plan : Deployment
        The deployment.
    isl, prompt, osl : float
        Input tokens, those not in the prefix cache, output tokens.
    batch : float
        Sequences decoding in a replica: given, or solved from a load.
    price : Price or None
        For figures in dollars.
    closed : bool
        The load is a fixed number of requests in flight.
    solved : bool
        The batch follows from a load; otherwise it was given.
    simulated : ServingResult or None
        What a simulation found for the load; its figures then stand above the closed form's.
    """

    model: ModelSpec
    plan: Deployment
    isl: float
    prompt: float
    osl: float
    batch: float
    price: Price | None = None
    closed: bool = False
    solved: bool = True
    simulated: ServingResult | None = None

    @cached_property
    def machine(self) -> Any:
        """The deployment's numbers as nodes."""
        return traced_machine(self.plan)

    @cached_property
    def lengths(self) -> Lengths:
        """Request lengths as nodes."""
        isl, prompt, osl = (
            chosen(name, value, "tokens")
            for name, value in (
                ("isl", self.isl),
                ("uncached input", self.prompt),
                ("osl", self.osl),
            )
        )
        return Lengths(isl, prompt, osl)

    @cached_property
    def batch_node(self) -> Any:
        """The batch as a node."""
        return chosen("batch", self.batch, "sequences", SOLVED if self.solved else "this question")

    @cached_property
    def point(self) -> Any:
        """The steady state as nodes."""
        return operating_point(
            operators(self.model), self.machine, self.lengths, self.batch_node, closed=self.closed
        )

    def latency(self, metric: str, statistic: str) -> Any:
        """A latency quantile under load [s]."""
        closed = getattr(self.point, metric)[statistic]
        if self.simulated is None:
            return closed
        return self.found(
            f"{metric} {statistic}", self.simulated.latencies[metric][statistic], closed
        )

    def found(self, name: str, value: float, closed: Any) -> Any:
        """A simulated figure, above its closed form."""
        fact = Fact(value, closed.unit, SIMULATION, grade=closed.grade)
        return named(name, as_simulated(given(name, fact), closed))

    def idle_ttft(self) -> Any:
        """Prefill of one prompt by an idle replica [s]."""
        ops, m = operators(self.model), self.machine
        step, chunks = prefill_step(ops, m, self.lengths.isl)
        prefill = batching.prompt_time(named("prefill step", step.total_s), chunks, m.pp)
        return total(named("prefill", prefill), m.request_overhead_s)

    def decode_step(self) -> Any:
        """One decode step of the batch [s]."""
        m, lengths = self.machine, self.lengths
        context = batching.mean_decode_context(lengths.isl, lengths.osl)
        micro = batching.micro_batch(chosen("batch", self.batch, "sequences"), m.pp)
        return step_time(operators(self.model), m, Batch(micro, context)).total_s

    def rate(self) -> Any:
        """Requests per second of all replicas [1/s]."""
        replicas = chosen("replicas", self.plan.replicas, "replicas", "the plan")
        closed = named("requests per s", product(self.point.rate_per_s, replicas))
        if self.simulated is None:
            return closed
        return self.found("requests per s", self.simulated.rate_per_s, closed)

    def usd_per_h(self) -> Any:
        """Cost of the fleet [USD/h]."""
        if self.price is None:
            raise CannotPredictError("no price: give --rate and a device that is for rent or sale")
        if self.price.offer is None:
            facts = ownership_facts(self.plan.device)
            nodes: Mapping[str, Any] = {name: given(name, fact) for name, fact in facts.items()}
            return owned_usd_per_h(
                nodes, chosen("devices", self.plan.devices, "devices", "the plan")
            )
        offer = self.price.offer
        where = f"{offer.provider} {offer.instance} {offer.region}"
        fact = Fact(offer.usd_per_h, "USD/h", offer.source, where, offer.as_of, Grade.SPEC)
        instances = chosen("instances", self.price.count, "instances", "the plan")
        return rent_usd_per_h(instances, given("offer", fact))

    def usd_per_mtok(self, kind: str) -> Any:
        """Cost of a million input or output tokens [USD]."""
        mix = self.point.mix
        share = input_time_share(mix.share, mix.mixed.total_s, mix.decode.total_s, mix.mean_s)
        tokens = self.lengths.isl if kind == "in" else self.lengths.osl
        part = (
            named("time on input", share)
            if kind == "in"
            else named("time on output", one_minus(share))
        )
        return usd_per_mtok_of(
            self.usd_per_h(), part, named("tokens per s", product(self.rate(), tokens))
        )

    def power(self) -> Any:
        """Mean power of the accelerators [W]."""
        facts, profile = self.plan.device.facts, profiles()[self.plan.device.profile]
        if "tdp_w" not in facts:
            raise CannotPredictError(f"the power limit of {self.plan.device.id} is not known")
        idle, active = (
            given(n, profile.facts[n]) for n in ("idle_power_frac", "active_power_frac")
        )
        devices = chosen("devices", self.plan.devices, "devices", "the plan")
        return fleet_power(
            devices, given("tdp_w", facts["tdp_w"]), idle, active, busy_share(self.batch_node)
        )

    def energy(self) -> Any:
        """Energy per output token [J]."""
        return energy_per_token(self.power(), self.output_speed())

    def cache(self) -> Any:
        """Cache of one request of full length on one device [B]."""
        context = batching.request_tokens(self.lengths.isl, self.lengths.osl)
        return cache_bytes_per_seq(operators(self.model), self.machine, context)

    def token_cache(self) -> Any:
        """Cache of one token inside all windows, over all devices [B]."""
        return cache_bytes(operators(self.model), 1.0, self.machine.kv_bits)

    def speed(self) -> Any:
        """Decode speed of the batch on an unloaded replica [tokens/s]."""
        return per_second(chosen("batch", self.batch, "tokens"), self.decode_step())

    def output_speed(self) -> Any:
        """Output tokens per second of all replicas under the load [tokens/s]."""
        return product(self.rate(), self.lengths.osl)

    def held(self) -> Any:
        """Requests of full length that one replica's pool holds."""
        context = batching.request_tokens(self.lengths.isl, self.lengths.osl)
        return sequences_held(self.model, self.machine, context)


def _latency(metric: str, statistic: str, derivation: Derivation) -> Any:
    return derivation.latency(metric, statistic)


def _figures() -> dict[str, Callable[[Derivation], Any]]:
    out: dict[str, Callable[[Derivation], Any]] = {
        "ttft": Derivation.idle_ttft,
        "tpot": Derivation.decode_step,
        "decode_tok_s": Derivation.speed,
        "rate": Derivation.rate,
        "output_tok_s": Derivation.output_speed,
        "usd_per_h": Derivation.usd_per_h,
        "usd_per_mtok_in": lambda d: d.usd_per_mtok("in"),
        "usd_per_mtok_out": lambda d: d.usd_per_mtok("out"),
        "power_w": Derivation.power,
        "j_per_token": Derivation.energy,
        "weights_bytes": lambda d: memory_use(d.model, d.machine).weights_bytes,
        "kv_pool_bytes": lambda d: memory_use(d.model, d.machine).kv_pool_bytes,
        "activation_bytes": lambda d: memory_use(d.model, d.machine).activation_bytes,
        "kv_bytes_per_token": Derivation.token_cache,
        "kv_bytes_per_seq": Derivation.cache,
        "sequences_held": Derivation.held,
    }
    for metric in METRICS:
        for statistic in STATISTICS:
            out[f"{metric}_{statistic}"] = partial(_latency, metric, statistic)
    return out


FIGURES = _figures()
"""Figure name -> how to derive it. ``ttft`` and ``tpot`` are of an unloaded replica at a batch;
``ttft_p95`` and the like are under a load."""


def explain(figure: str, derivation: Derivation) -> Node:
    """The derivation tree of a figure.

    Parameters
    ----------
    figure : str
        A key of :data:`FIGURES`.
    derivation : Derivation
        Model, deployment, lengths, batch and price.

    Returns
    -------
    Node
        Its value equals the printed figure exactly.

    Raises
    ------
    UnknownNameError
        For an unknown figure.
    CannotPredictError
        If the figure needs a price or a fact that is missing.

    Examples
    --------
    >>> import inferplan as ip
    >>> node = ip.explain("tpot", "llama-3.1-8b", "h100_sxm", isl=1000, osl=200)
    >>> node.value == ip.predict("llama-3.1-8b", "h100_sxm", isl=1000, osl=200).tpot_s
    True
    """
    if figure not in FIGURES:
        raise UnknownNameError("figure", figure, FIGURES, "one of: " + ", ".join(FIGURES))
    return named(figure, FIGURES[figure](derivation))  # type: ignore[no-any-return]
