"""Formulas: pure functions of floats or arrays, each with its equation, unit and source."""
