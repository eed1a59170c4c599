"""Values and calls as short plain data that JSON keeps, as text to read, and what differs between two of them."""

from __future__ import annotations

from pytest_mimic._describe.budget import ARGUMENTS, Budget
from pytest_mimic._describe.differences import Difference, differences, focused, hidden, sides
from pytest_mimic._describe.secrets import secrets_in
from pytest_mimic._describe.text import call_label, render
from pytest_mimic._describe.walk import describe, describe_arguments, describe_parts

__all__ = [
    "ARGUMENTS",
    "Budget",
    "Difference",
    "call_label",
    "describe",
    "describe_arguments",
    "describe_parts",
    "differences",
    "focused",
    "hidden",
    "render",
    "secrets_in",
    "sides",
]
