"""Whose call it is: that of the code under test, or one that pytest, this plugin or an import makes for itself."""

from __future__ import annotations

import os
import sys
from types import FrameType

#: Packages that call for themselves, as installed plugins of pytest do.
_MACHINERY = frozenset({"_pytest", "execnet", "pluggy", "pytest", "pytest_mimic", "xdist"})
#: Packages, beside the standard library's, that call for whoever called them.
_BETWEEN = frozenset(
    "PIL backports cloudpickle filelock numpy pandas polars pyarrow scipy torch xxhash".split()
)
#: Where the standard library is: a project may have packages of its names, such as `test`.
_STDLIB = os.path.dirname(os.__file__)  # noqa: PTH120
#: Python's own imports.
_IMPORTS = ("<frozen importlib", "<frozen zipimport")
#: What judging a file calls is called by this plugin.
_known: dict[str, bool | None] = {__file__: True}


def is_common(*modules: object) -> bool:
    """Whether a function of one of these modules may be called by pytest or by this plugin itself."""
    packages = {module.replace(":", ".").partition(".")[0] for module in modules if isinstance(module, str)}
    return not packages.isdisjoint(sys.stdlib_module_names | _BETWEEN | _MACHINERY)


def called_by_pytest() -> bool:
    """Whether the call of a wrapped function that is under way was made by pytest, this plugin or an import.

    The innermost frame decides that is neither the standard library's nor that of a library in between.
    """
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if file not in _known:
            _known[file] = _judge(file, frame.f_globals.get("__name__"))
        answer = _known[file]
        if answer is not None:
            return answer
        frame = frame.f_back
    return False


def _judge(file: str, module: object) -> bool | None:
    """Whether the code of a file calls for itself; None where it does so for whoever called it."""
    package = module.partition(".")[0] if isinstance(module, str) else ""
    if package in _MACHINERY or (package.startswith("pytest_") and "site-packages" in file):
        return True
    if file.startswith(_IMPORTS):
        return True
    is_stdlib = package in sys.stdlib_module_names and file.startswith(_STDLIB)
    is_between = is_stdlib or package in _BETWEEN or file.startswith(("<frozen ", "<string>"))
    return None if is_between else False
