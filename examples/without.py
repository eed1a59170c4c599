"""A pytest plugin that takes away what replaying must not need: `pytest -p without`."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

ABSENT = {"sklearn", "scipy", "numpy", "tkinter", "_tkinter"}


class Absent:
    """A finder that says of these libraries that they are not installed."""

    @staticmethod
    def find_spec(name: str, *_where: object) -> ModuleSpec | None:
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"{name} is taken away", name=name)
        return None


def offline(event: str, _arguments: tuple[object, ...]) -> None:
    """An audit hook under which nothing is connected."""
    if event == "socket.connect":
        raise ConnectionError("the network is taken away")


sys.meta_path.insert(0, Absent)
sys.addaudithook(offline)
