"""Fit the efficiency factors to measured runs; not part of the wheel: see README.md.

:mod:`cases` reads measurements and predicts them, :mod:`sensitivity` differentiates the
predictions, :mod:`design` says which shifts there are, :mod:`solve` fits them, :mod:`holdout`
leaves devices and model families out, :mod:`intervals` turns what was then missed into
intervals, and :mod:`report` writes it down.
"""
