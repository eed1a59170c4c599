"""A module `shop` with one function, for tests that need no more of a target."""

from __future__ import annotations

SHOP = """
    def fetch(city):
        ran("fetch", city)
        return {"city": city}
"""
