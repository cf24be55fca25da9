"""Options about fleets, offers and assumptions that the commands about money share."""

from __future__ import annotations

from collections.abc import Callable

import click

from inferplan.cli.options import F, stack

MONEY = ("file", "settings", "provider", "region", "prices", "seed", "today")
"""Names of the options of :data:`offer_options` and :data:`money_options`."""


def fleet_options_of(*, headroom: float, min_replicas: int) -> Callable[[F], F]:
    """Options about the size of a fleet, with the defaults of a command."""
    return stack(
        click.option(
            "--headroom", type=float, default=headroom, show_default=True, metavar="F",
            help="Growth above the peak to bear within the limits, e.g. 0.2.",
        ),
        click.option(
            "--spares", type=int, default=0, show_default=True, metavar="N", help="Idle replicas."
        ),
        click.option(
            "--min-replicas", type=int, default=min_replicas, show_default=True, metavar="N",
            help="Replicas at least, for redundancy.",
        ),
    )  # fmt: skip


offer_options = stack(
    click.option("--provider", help="Only offers of this provider."),
    click.option("--region", help="Only offers in this region."),
    click.option("--prices", metavar="FILE", help="Own prices (CSV, YAML) in place of bundled."),
)

money_options = stack(
    click.option("--file", metavar="YAML", help="Own assumptions; see inferplan tco --template."),
    click.option(
        "--set", "settings", multiple=True, metavar="NAME=VALUE",
        help="One assumption, e.g. pue=1.2 or pue=1.1:1.2:1.4.",
    ),
    click.option(
        "--seed", type=int, default=0, show_default=True, help="Of arrivals and Monte Carlo."
    ),
    click.option("--today", metavar="YYYY-MM-DD", help="Day on which prices are judged [today]."),
)  # fmt: skip
