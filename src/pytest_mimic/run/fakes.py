"""The product reads and writes real files while pyfakefs gives a test fake files."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest_mimic

# What a call needs, whatever it is; a client is loaded when it is mimicked.
_ROOMS = ("engine", "patch", "secrets", "values", "vault")


def keep_out_of_fakes() -> None:
    """Keep pyfakefs, if it is loaded, from replacing `os` and `open` in our modules.

    A module that was first loaded while a fake is active would keep that, so all are
    loaded before.
    """
    pyfakefs = sys.modules.get("pyfakefs.fake_filesystem_unittest")
    if pyfakefs is None or __name__ in pyfakefs.Patcher.SKIPNAMES:
        return
    from pkgutil import walk_packages  # Few runs have pyfakefs.

    rooms = tuple(f"pytest_mimic.{room}" for room in _ROOMS)
    for module in walk_packages(pytest_mimic.__path__, "pytest_mimic."):
        if module.name.startswith(rooms):
            import_module(module.name)
    import_module("filelock")
    ours = [
        name for name in sys.modules if name.startswith(("pytest_mimic", "filelock"))
    ]
    pyfakefs.Patcher.SKIPNAMES.update(ours)
