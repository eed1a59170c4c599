"""Recordings that are written and not yet accepted."""
