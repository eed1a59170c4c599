"""Reads pytest's options from its configuration files, without pytest."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from pytest_mimic.errors import MimicError

# In this order. Those of the first two lines count even if they are empty.
NAMES = (
    *("pytest.toml", ".pytest.toml"),
    *("pytest.ini", ".pytest.ini"),
    *("pyproject.toml", "tox.ini", "setup.cfg"),
)
_ALWAYS = frozenset(NAMES[:4])
_SECTIONS = {"setup.cfg": "tool:pytest"}


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
    name = _SECTIONS.get(file.name, "pytest")
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
        return _table(document.get("pytest", {})) if _reads_tables() else None
    table = _table(_table(document.get("tool", {})).get("pytest", {}))
    if "ini_options" in table:
        return {
            name: value if isinstance(value, list) else str(value)
            for name, value in _table(table["ini_options"]).items()
        }
    return table if table and _reads_tables() else None


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _reads_tables() -> bool:
    """Return whether the installed pytest reads options with the types of TOML, which it does from version 9 on."""
    from importlib.metadata import version

    return int(version("pytest").partition(".")[0]) >= 9
