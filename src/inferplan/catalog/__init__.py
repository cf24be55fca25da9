"""Devices, models, formats and prices: facts with sources, and how to find them by name."""
