"""Results as tables, text, HTML and derivations."""
