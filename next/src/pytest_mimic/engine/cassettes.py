"""Cassettes: logs that have a name, and the calls in them as tests see them."""
