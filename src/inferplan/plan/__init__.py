"""Which hardware: search the space, price it, rank it, and say why the rest lost."""
