"""Shows on a terminal how much of a remote vault was fetched."""

from __future__ import annotations

import sys

_ERASE = "\r\x1b[K"


def show_fetching(done: int, total: int) -> None:
    """Show that so many packs were fetched, in a line that goes when all are here."""
    stream = sys.stderr
    if stream is not None and stream.isatty():
        stream.write(_ERASE if done >= total else f"{_ERASE}fetching recordings {done} of {total}")
        stream.flush()
