"""A module that cannot be imported."""

raise KeyError("no such setting")
