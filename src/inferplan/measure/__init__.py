"""Measurements: read them, and score predictions against them."""
