"""Money: pure functions of prices, hours, power and tokens."""
