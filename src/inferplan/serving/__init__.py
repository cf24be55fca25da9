"""The serving engine, simulated step by step."""
