"""A command whose help lists its options in groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

REST = "Output"
"""Title of the options that no group names."""


class GroupedCommand(click.Command):
    """A command with ``groups``: title -> names of parameters, in the order of the help."""

    def __init__(self, *args: Any, groups: Mapping[str, tuple[str, ...]], **more: Any) -> None:
        super().__init__(*args, **more)
        self.groups = groups

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group, the rest last."""
        records = {
            param.name: record
            for param in self.get_params(ctx)
            if isinstance(param, click.Option)
            and (record := param.get_help_record(ctx)) is not None
        }
        for title, names in self.groups.items():
            found = [records.pop(name) for name in names if name in records]
            if found:
                with formatter.section(title):
                    formatter.write_dl(found)
        if records:
            with formatter.section(REST):
                formatter.write_dl(list(records.values()))
