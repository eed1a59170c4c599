"""A module whose objects leave a trace when their pickle is loaded."""

from __future__ import annotations

# A module whose objects leave the file BAIT when their pickle is loaded.
BAITED = """
    import os

    class Evil:
        def __init__(self, name):
            self.name = name

        def __reduce__(self):
            return (make, (self.name,))

    def make(name):
        if os.environ.get("BAIT"):
            open(os.environ["BAIT"], "a").close()
        return Evil(name)
"""
