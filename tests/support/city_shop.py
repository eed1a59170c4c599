"""A module `shop` with one function, for tests that need no more of a target."""

from __future__ import annotations

SHOP = """
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return {"city": city}
"""
