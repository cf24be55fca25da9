"""Step time, memory and latency of (device x model x deployment x batch)."""
