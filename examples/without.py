"""A pytest plugin that removes libraries and the network: `pytest -p without`."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

ABSENT = {"sklearn", "scipy", "numpy", "tkinter", "_tkinter"}


class Absent:
    """An import finder that raises for these libraries, as if they were not installed."""

    @staticmethod
    def find_spec(name: str, *_where: object) -> ModuleSpec | None:
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"{name} is removed", name=name)
        return None


def offline(event: str, _arguments: tuple[object, ...]) -> None:
    """Refuse connections, as an audit hook."""
    if event == "socket.connect":
        raise ConnectionError("the network is removed")


sys.meta_path.insert(0, Absent)
sys.addaudithook(offline)
