"""Placeholders of secrets in what tests expect, where it does not matter which answer issued one."""

from __future__ import annotations

import re
from typing import Any

_ISSUED = re.compile(r"<redacted:[0-9a-z-]+>")


def unmarked(plain: Any) -> Any:
    """Return plain data, or a text, with `<redacted>` in place of all placeholders."""
    if isinstance(plain, dict):
        return {name: unmarked(part) for name, part in plain.items()}
    if isinstance(plain, (list, tuple)):
        return type(plain)(map(unmarked, plain))
    return _ISSUED.sub("<redacted>", plain) if isinstance(plain, str) else plain
