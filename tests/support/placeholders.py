"""Placeholders of secrets in what tests expect, where it does not matter which answer issued one."""

from __future__ import annotations

import re
from typing import Any

# A placeholder of an own or an issued secret. In a label it stands in quotes, or not.
_FORM = r"mimic-redacted(?:-[0-9A-Za-z-]*[0-9A-Za-z])?"
_PLACEHOLDER = re.compile(f"'{_FORM}'|{_FORM}")


def unmarked(plain: Any) -> Any:
    """Return plain data, or a text, with `<redacted>` in place of all placeholders."""
    if isinstance(plain, dict):
        return {name: unmarked(part) for name, part in plain.items()}
    if isinstance(plain, (list, tuple)):
        return type(plain)(map(unmarked, plain))
    return _PLACEHOLDER.sub("<redacted>", plain) if isinstance(plain, str) else plain
