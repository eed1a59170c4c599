"""Constants of the classes of `test_named_constants.py`, made in another module."""

from __future__ import annotations

from unit.core.types import test_named_constants as classes

UNSET = classes.Lent()
DELETED = classes.Lent()
LATER = classes.Pair()
