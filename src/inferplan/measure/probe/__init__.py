"""Measure the hardware in front of us: operators one by one, then whole models as a check."""
