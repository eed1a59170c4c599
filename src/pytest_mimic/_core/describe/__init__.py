"""Values and calls as short plain data that JSON keeps, as text to read, and what differs between two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_mimic._core.describe.argument_differences import Difference, focused, hidden, sides
    from pytest_mimic._core.describe.described_secrets import secrets_in
    from pytest_mimic._core.describe.description_form import ARGUMENTS, Budget
    from pytest_mimic._core.describe.text import call_label, recorded_label, render
    from pytest_mimic._core.describe.value_description import describe, describe_arguments, describe_parts

__all__ = [
    "ARGUMENTS",
    "Budget",
    "Difference",
    "call_label",
    "describe",
    "describe_arguments",
    "describe_parts",
    "focused",
    "hidden",
    "recorded_label",
    "render",
    "secrets_in",
    "sides",
]

_HOMES = {
    "ARGUMENTS": "description_form",
    "Budget": "description_form",
    "Difference": "argument_differences",
    "call_label": "text",
    "describe": "value_description",
    "describe_arguments": "value_description",
    "describe_parts": "value_description",
    "focused": "argument_differences",
    "hidden": "argument_differences",
    "recorded_label": "text",
    "render": "text",
    "secrets_in": "described_secrets",
    "sides": "argument_differences",
}


def __getattr__(name: str) -> Any:
    """Load a name on first use: text for people needs little of what describes values (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
