"""One HTML page with everything in it: no script, no network, for light and dark screens."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inferplan.files import write_atomic
from inferplan.report import plot_style
from inferplan.report.plots import svg_text
from inferplan.report.table import Page, to_html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INKS = {
    plot_style.INK: ("ink", "#e7eaee"),
    plot_style.MUTED: ("muted", "#a2acb8"),
    plot_style.GRID: ("grid", "#343c46"),
    plot_style.PAPER: ("paper", "#15191e"),
    plot_style.BLUE: ("blue", "#56b4e9"),
    plot_style.GREEN: ("green", "#2cc99b"),
    plot_style.ORANGE: ("orange", "#f0b429"),
    plot_style.PURPLE: ("purple", "#dd88cc"),
    plot_style.LIMIT: ("limit", "#ff8a4c"),
}
"""Colour of a figure -> its name in the page's style, and what it is on a dark screen."""

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Nothing is loaded or run."""

CSS = """\
:root { color-scheme: light dark; %(light)s }
@media (prefers-color-scheme: dark) { :root { %(dark)s } }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .5rem; }
.about, small, footer { color: var(--muted); }
table { display: block; overflow-x: auto; border-collapse: collapse; font-size: 14px;
  font-variant-numeric: tabular-nums; }
th { font-weight: 600; white-space: nowrap; border-bottom: 1px solid var(--muted); }
td { border-bottom: 1px solid var(--grid); white-space: pre-wrap; }
td:first-child, td[style*="right"] { white-space: pre; }
figure { margin: 0; overflow-x: auto; }
figure svg { display: block; width: 100%%; min-width: 34rem; height: auto; }
footer { margin-top: 3rem; font-size: 13px; }
@media print { body { max-width: none; } figure, table { break-inside: avoid; } }
"""


def html_page(
    title: str,
    about: Sequence[str],
    page: Page | None = None,
    figures: Sequence[tuple[str, Figure]] = (),
) -> str:
    """A document that needs nothing but itself.

    Parameters
    ----------
    title : str
        Its heading.
    about : sequence of str
        What was simulated, a paragraph each.
    page : Page, optional
        Lines and tables.
    figures : sequence of (str, Figure)
        Heading and figure, in order.

    Examples
    --------
    >>> text = html_page("A & B", ["one replica"], Page(("fast enough",)))
    >>> "<h1>A &amp; B</h1>" in text, "fast enough" in text, "<script" in text
    (True, True, False)
    """
    from inferplan import __version__

    name = html.escape(title)
    light = " ".join(f"--{ink}: {colour};" for colour, (ink, _) in INKS.items())
    dark = " ".join(f"--{ink}: {colour};" for ink, colour in INKS.values())
    drawn = "".join(_figure(heading, figure) for heading, figure in figures)
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>{name}</title>\n<style>\n{CSS % {'light': light, 'dark': dark}}</style>",
        f"</head>\n<body>\n<h1>{name}</h1>",
        *(f'<p class="about">{html.escape(line)}</p>' for line in about),
        "" if page is None else to_html(page),
        drawn,
        f"<footer>Made by inferplan {__version__}.</footer>\n</body>\n</html>\n",
    ]
    return "\n".join(part for part in parts if part)


def write_html(path: str | Path, text: str, field: str = "path") -> None:
    """Write a page whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    write_atomic(path, text, field)


def _figure(heading: str, figure: Figure) -> str:
    name = html.escape(heading)
    return f"<h2>{name}</h2>\n<figure>\n{inline_svg(figure, heading)}</figure>\n"


def inline_svg(figure: Figure, title: str) -> str:
    """The figure as an element of a page, in the page's colours.

    Parameters
    ----------
    figure : Figure
        One of those of :mod:`inferplan.report.plots`.
    title : str
        Read aloud in place of the picture, and unique in the page.
    """
    text = svg_text(figure, title)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'<style type="text/css">.*?</style>', "", text, flags=re.DOTALL)
    own = "".join(ch if ch.isalnum() else "-" for ch in title.lower())
    text = re.sub(r'( id="|xlink:href="#|url\(#)', rf"\g<1>{own}-", text)
    for colour, (ink, _) in INKS.items():
        text = text.replace(colour, f"var(--{ink})")
    label = html.escape(title, quote=True)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
