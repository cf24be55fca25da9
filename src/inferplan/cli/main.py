"""The ``inferplan`` command. Subcommands import what they need when they run."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

import click

from inferplan import __version__
from inferplan.cli.batching import batching
from inferplan.cli.breakeven import breakeven
from inferplan.cli.capacity import capacity
from inferplan.cli.catalog import catalog
from inferplan.cli.cost import cost
from inferplan.cli.decide import decide
from inferplan.cli.explain import explain
from inferplan.cli.fit import fit
from inferplan.cli.parity import parity
from inferplan.cli.predict import predict
from inferplan.cli.probe import probe
from inferplan.cli.recommend import recommend
from inferplan.cli.simulate import simulate
from inferplan.cli.sweep import sweep
from inferplan.cli.tco import tco
from inferplan.cli.validate import validate
from inferplan.errors import InferplanError, UnknownNameError

INTERNAL_ERROR = 70
"""Exit code of a defect of ours (sysexits EX_SOFTWARE)."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="inferplan")
def cli() -> None:
    """Decide inference hardware with numbers: which, how many, configured how, at what cost.

    \b
    Examples:
      inferplan recommend llama-3.1-8b --rate 10 --isl 1500 --osl 300 --ttft-p95 1s --tpot-p95 50ms
      inferplan predict qwen3-32b h100 --weights fp8 --batch 16
      inferplan fit llama-3.1-70b l40s --tp 4
      inferplan catalog devices "m3 max"
    """


for command in (
    recommend,
    predict,
    fit,
    simulate,
    batching,
    capacity,
    sweep,
    cost,
    breakeven,
    tco,
    decide,
    explain,
    validate,
    parity,
    probe,
    catalog,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line: errors are one line on stderr, never a traceback."""
    _ready()
    try:
        cli.main(prog_name="inferplan", standalone_mode=False)
    except UnknownNameError as error:
        from inferplan.cli.mistakes import swapped

        _die(swapped(error, cli), error.exit_code)
    except InferplanError as error:
        _die(str(error), error.exit_code)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.UsageError as error:
        from inferplan.cli.mistakes import usage_line

        _die(usage_line(error, cli), error.exit_code)
    except click.ClickException as error:
        _die(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt, _Stopped) as stop:
        _die("stopped", 128 + getattr(stop, "number", signal.SIGINT))
    except BrokenPipeError:
        _drop_output()
        sys.exit(0)
    except Exception as error:
        if os.environ.get("INFERPLAN_TRACEBACK"):
            raise
        _die(
            f"internal error: {type(error).__name__}: {error} (this is a defect of inferplan; set"
            " INFERPLAN_TRACEBACK=1 to see where)",
            INTERNAL_ERROR,
        )


class _Stopped(BaseException):
    """A signal asked the program to end; what is half done is tidied up on the way out."""

    def __init__(self, number: int) -> None:
        self.number = number


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
    raise _Stopped(number)


def _ready() -> None:
    """Somewhere to print, and an orderly end on signals that nobody ignores."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 - as long as we run
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _stop)


def _drop_output() -> None:
    """Let what is still buffered for stdout go nowhere: it cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _die(message: str, code: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
