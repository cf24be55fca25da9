"""What is asked of the hardware: lengths and arrivals."""
