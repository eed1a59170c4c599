"""Lambdas that share lines, for the tests of sources."""

from __future__ import annotations

PAIR = (lambda x: x + 1, lambda x: x + 2)
SAME_SHAPE = (lambda row: row.name, lambda row: row.size)
SAME_TWICE = (lambda x: x * 3, lambda x: x * 3)
OUTER = lambda x: lambda y: y + 1  # noqa: E731
TWICE_NESTED = (lambda: lambda: 1, lambda: lambda: 2)
LONG = {
    'first': lambda x: (
        x
        + 1
    ),
    'second': lambda x: x + 2,
}  # fmt: skip
DEFAULTS = (lambda x, y=1: x, lambda x, y=2: x)
MIXED = (lambda x: x if x else None, lambda x: [y for y in x], lambda *a, **k: (a, k))  # noqa: C416
