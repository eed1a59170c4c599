"""Recordings of other tools: read, and carried over into the vault."""
