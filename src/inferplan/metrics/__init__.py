"""Latency and goodput definitions, one for the estimate, the simulator and the client alike."""
