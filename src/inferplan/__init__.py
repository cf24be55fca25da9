"""Decide inference hardware with numbers: which, how many, configured how, at what cost."""

__version__ = "0.1.0"
