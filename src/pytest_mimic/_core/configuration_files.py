"""Reads pytest's options from its configuration files, without pytest."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from pytest_mimic.errors import MimicError

# In this order. The first four count even if they are empty.
NAMES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_ALWAYS = frozenset(NAMES[:4])


def read_options(file: Path) -> dict[str, Any] | None:
    """Return pytest's options in a file, or None if the file is not a configuration of pytest."""
    try:
        return _from_toml(file) if file.suffix == ".toml" else _from_ini(file)
    except OSError as reason:
        raise MimicError(f"cannot read {file}: {reason.strerror or reason}") from None
    except ValueError as reason:  # UnicodeDecodeError and TOMLDecodeError are ValueErrors
        raise MimicError(f"cannot read {file}: {reason}") from None


def _from_ini(file: Path) -> dict[str, Any] | None:
    from iniconfig import IniConfig, ParseError

    try:
        sections = IniConfig(str(file))
    except ParseError as reason:
        raise MimicError(f"cannot read {reason}") from None
    name = "tool:pytest" if file.name == "setup.cfg" else "pytest"
    if name in sections:
        return dict(sections[name].items())
    return {} if file.name in _ALWAYS else None


def _from_toml(file: Path) -> dict[str, Any] | None:
    text = file.read_text(encoding="utf-8")
    if file.name == "pyproject.toml" and "pytest" not in text:
        return None  # most of the time of a command would go into parsing it
    # Python 3.10 has no tomllib. There, pytest requires tomli.
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    document: dict[str, Any] = toml.loads(text)
    if file.name != "pyproject.toml":
        return _table(document.get("pytest"))
    table = _table(_table(document.get("tool")).get("pytest"))
    texts = _table(table.get("ini_options"))
    found = {name: value if isinstance(value, list) else str(value) for name, value in texts.items()}
    return found if "ini_options" in table else table or None


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
