"""``inferplan decide``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import click

from inferplan.cli import options
from inferplan.cli.output import emit
from inferplan.cli.progress import progress_bar

if TYPE_CHECKING:
    from inferplan.plan.decide import Ask


@click.command(short_help="API, rent or own: a decision tree with numbers.")
@click.option("--answers", metavar="FILE", help="Answers in a YAML file: key: value.")
@click.option(
    "--answer", "given", multiple=True, metavar="KEY=VALUE", help="One answer; may be repeated."
)
@click.option("--today", metavar="YYYY-MM-DD", help="Day on which prices are judged [today].")
@options.json_option
def decide(
    answers: str | None, given: tuple[str, ...], today: str | None, *, as_json: bool
) -> None:
    """Walk a decision tree: API, rent or own, on which hardware, at what cost.

    Asks only what changes the answer, shows each branch with its numbers, and ends with a
    recommendation and the command that shows it in full. Without a terminal, every answer that is
    needed has to be given.

    \b
    Keys: model, data (anywhere, cloud, premises), use (chat, rag, ... or 1500/300),
    load (10/s, 200 users, 500M tokens/month), latency (fast, chat, relaxed, batch),
    horizon (years), budget (dollars per month, or none).

    \b
    Examples:
      inferplan decide
      inferplan decide --answers mine.yaml --json
      inferplan decide --answer model=llama-3.1-8b --answer 'load=50M tokens/month'
    """
    from inferplan.api.decide import decide as call
    from inferplan.units import parse_day

    known = _known(answers, given)
    day = parse_day(today, "--today") if today else None
    with _LateBar() as bar:
        answer = call(_answerer(known, bar), today=day, progress=bar.tell)
    emit("decide/1", answer.to_dict(), answer.page(), as_json=as_json)


def _known(path: str | None, given: tuple[str, ...]) -> dict[str, str]:
    from inferplan.errors import InputError, UnknownNameError
    from inferplan.plan.decide import QUESTIONS

    known: dict[str, str] = {}
    if path is not None:
        from inferplan.catalog.userfile import check_keys, read_yaml
        from inferplan.errors import DataError

        data: Any = read_yaml(path)
        if not isinstance(data, dict):
            raise DataError(path, "", "holds no answers; write `key: value` lines, e.g. load: 10/s")
        check_keys(path, "", data, QUESTIONS)
        known = {str(key): str(value) for key, value in data.items()}
    for text in given:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise InputError("--answer", repr(text), "is not KEY=VALUE", "e.g. --answer load=10/s")
        if key not in QUESTIONS:
            listing = f"one of {', '.join(QUESTIONS)}"
            raise UnknownNameError("--answer", key, QUESTIONS, listing)
        known[key] = value
    return known


class _LateBar:
    """A progress bar that is taken away while somebody is asked."""

    def __init__(self) -> None:
        self.lock, self.shown = threading.Lock(), ExitStack()
        self.move: Callable[[int, int], None] | None = None

    def __enter__(self) -> Self:
        """Nothing is drawn yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self.stop()

    def tell(self, done: int, total: int) -> None:
        """Move the bar."""
        with self.lock:
            if self.move is None:
                self.move = self.shown.enter_context(progress_bar("simulating devices"))
            self.move(done, total)

    def stop(self) -> None:
        """Take the bar away."""
        with self.lock:
            self.shown.close()
            self.move = None


def _answerer(known: dict[str, str], bar: _LateBar) -> Callable[[Ask], str]:
    """Answers that are known, then those typed in, then defaults."""

    def ask(question: Ask) -> str:
        from inferplan.errors import InputError

        bar.stop()
        if question.key in known:
            return known[question.key]
        if sys.stdin.isatty():
            shown = f"{question.text} ({question.hint})"
            return str(click.prompt(shown, default=question.default or None, err=True))
        if question.default and known:
            return question.default
        fix = f"give it: --answer '{question.key}=...', {question.hint}"
        raise InputError("decide", f"'{question.text}'", "is not answered", fix)

    return ask
