"""The event loop: plain functions of arrays, which :mod:`inferplan.serving.compiled` compiles.

Nothing here allocates, imports numba or knows units other than seconds and tokens. A state is
a named tuple of arrays (:mod:`.layout`); a column is addressed by a named constant. The
contract that these functions implement is ``docs/simulator.md``.
"""
