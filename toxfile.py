"""A plugin of tox, which gives uv another folder for its cache where the home folder is read-only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "uv"

if sys.platform != "win32":
    # Without a folder for its cache, uv ends, and tox reports only that it found no Python.
    _there = next(folder for folder in (_CACHE, *_CACHE.parents) if folder.exists())
    if not os.access(_there, os.W_OK):
        os.environ.setdefault("UV_CACHE_DIR", str(Path(__file__).parent / ".tox" / "uv-cache"))
