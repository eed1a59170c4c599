"""Names of files in the vault: safe on every system, and no two are one anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from string import ascii_letters, digits
from typing import TYPE_CHECKING

from xxhash import xxh3_64_hexdigest, xxh3_128

from pytest_mimic.errors import CassetteError

if TYPE_CHECKING:
    from mmap import mmap

# Windows keeps these names for devices, whatever follows a dot.
_DEVICE = r"(?i:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)"
_DEVICES = ("con", "prn", "aux", "nul", "com", "lpt")
_SIGNS = frozenset(f"{ascii_letters}{digits}._-")
_DIGITS = 12
_LINE_DIGITS = 8
# A name that stands as it is. One that ends like a digest could be that of another.
_PLAIN = rf"(?!{_DEVICE})(?!.*-[0-9a-f]{{{_DIGITS}}}$)[a-z0-9_][a-z0-9._-]*(?<!\.)"
# A fixture that only its name tells from others; any other one has a digest.
_FIXTURE = r"(?<=::)([a-z_0-9]+) \(session\)$"
_REPLACED = r"[^A-Za-z0-9._-]+"
# What a file system of some kind refuses, and what would be hidden or leave the vault.
_CASSETTE_PART = (
    rf'(?!{_DEVICE})(?!\.)[^\x00-\x1f\x7f<>:"|?*\\/\ud800-\udfff]+(?<![. ])'
)
OBJECT = r"objects/([0-9a-f]{2})/(\1[0-9a-f]{30})\.(pkl|npy|txt|json|bin)"
"""A pattern: the name of an object; its groups are folder, digest and suffix."""

_LOG = r"logs/(\w[\w.-]*/)+\w[\w.-]*\.json"
# The object comes first: it counts its groups.
_OWN_NAME = "|".join(
    (
        OBJECT,
        _LOG,
        r"calls/\w[\w.-]*/[0-9a-f]{32}(-[0-9a-f]{8})?\.json",
        rf"cassettes/({_CASSETTE_PART}/)*{_CASSETTE_PART}(?<=\.json)",
        r"\.locks/(write|run\.\d+-\d+|\.gitignore)",
        r"([^.][^/]*/)*\.mimic-[0-9a-f]{16}\.tmp",
    )
)
_LONGEST_PART = 60
# Of a log without its folder `logs/` and its suffix, so that all stays below 100.
_LONGEST_LOG = 88
# What is left of a name that is cut; below this, the folder of its file is cut, too.
_FEWEST = 36
_LONGEST_CASSETTE = 200


def is_own(name: str) -> bool:
    """Return whether a file of a vault has a name that this package gives."""
    return re.fullmatch(_OWN_NAME, name, re.ASCII) is not None


def log_name(owner: str) -> str:
    """Return the file of an owner's log.

    `tests/test_shop.py::test_order[3]` has the log
    `logs/tests/test_shop.py/test_order-3-1f0c2a9b7d3e.json`, and the fixture
    `tests/conftest.py::customer (session)` has
    `logs/tests/conftest.py/fixture-customer.json`.
    """
    if owner.endswith(" (session)"):  # To compile a pattern takes long.
        owner = re.sub(_FIXTURE, r"fixture-\1", owner)
    return f"logs/{_of_test(owner)}.json"


def owner_at(name: str, owner: str) -> str:
    """Return whose a log is: the owner that its head names, or the one of its place.

    Who moves a test file by hand moves the folder of its logs, too.
    """
    if log_name(owner) == name:
        return owner
    folder = name.removeprefix("logs/").rpartition("/")[0]
    moved = f"{folder}::{owner.partition('::')[2]}"
    return moved if log_name(moved) == name else owner


def call_name(target: str, identity: str, line: str) -> str:
    """Return the file of a call that all tests share.

    Calls of two targets may stand in one folder: the identity counts the target. The
    name tells under which options of a line it was recorded, so that nobody has to read
    all files to find those of another line.
    """
    return f"{call_folder(target)}/{identity}{line_mark(line)}.json"


@cache
def call_folder(target: str) -> str:
    """Return the folder of the calls of a target."""
    return f"calls/{_readable(target.replace(':', '.'))}"


@cache
def line_mark(line: str) -> str:
    """Return how the name of a file tells the options of a line that count."""
    return f"-{xxh3_64_hexdigest(line.encode())[:_LINE_DIGITS]}" if line else ""


def object_name(suffix: str, chunks: Iterable[bytes | memoryview | mmap]) -> str:
    """Return the file of bytes, in pieces: `objects/9f/9f31….pkl`."""
    hasher = xxh3_128()
    for chunk in chunks:
        hasher.update(chunk)
    digest = hasher.hexdigest()
    return f"objects/{digest[:2]}/{digest}.{suffix}"


def cassette_of_test(nodeid: str, number: int = 1) -> str:
    """Return the name of the n-th cassette of a test, for `cassette_name`."""
    name = _of_test(nodeid)
    return name if number == 1 else f"{name}-{number}"


def cassette_name(name: object) -> str:
    """Return the file of a cassette: `cassettes/NAME.json`.

    Raises:
        CassetteError: The name leaves the vault, or some file system refuses it.
    """
    text = name if isinstance(name, str) else ""
    is_safe = all(re.fullmatch(_CASSETTE_PART, part) for part in text.split("/"))
    if not is_safe or len(text) > _LONGEST_CASSETTE:
        raise CassetteError(
            f"a cassette cannot be called {name!r}",
            [
                "its file stays in the vault and has to fit every system:"
                f" parts between slashes, no device of Windows, none of"
                f' < > : " | ? * \\, at most {_LONGEST_CASSETTE} characters'
            ],
            [("for example", "shop/rates")],
        )
    return f"cassettes/{text.removesuffix('.json')}.json"


def _of_test(owner: str) -> str:
    """Return the path of an owner: its file as a folder, and its name in there."""
    file, _, test = owner.partition("::")
    folder = "/".join(_safe(part) for part in file.split("/"))
    name = f"{folder}/{_safe(test)}" if test else folder
    if len(name) <= _LONGEST_LOG:
        return name
    room = _LONGEST_LOG - len(folder) - 1
    if room < _FEWEST:
        folder = _readable(file.rpartition("/")[2], longest=30)
        room = _LONGEST_PART
    return f"{folder}/{_with_digest(test, of=owner, longest=room)}"


def _safe(part: str) -> str:
    if len(part) <= _LONGEST_PART and re.fullmatch(_PLAIN, part):
        return part
    return _with_digest(part, of=part)


def _with_digest(part: str, *, of: str, longest: int = _LONGEST_PART) -> str:
    digest = xxh3_64_hexdigest(of.encode("utf-8", "surrogatepass"))[:_DIGITS]
    readable = _readable(part, longest=min(longest, _LONGEST_PART) - _DIGITS - 1)
    return f"{readable}-{digest}"


def _readable(text: str, longest: int = _LONGEST_PART) -> str:
    """Return letters, digits and `._-` of a text, of which nothing is a device."""
    # To compile a pattern takes longer than to look at most texts.
    readable = text if _SIGNS.issuperset(text) else re.sub(_REPLACED, "-", text)
    readable = readable[:longest].strip(".-")
    may_be_device = readable[:3].lower() in _DEVICES
    is_device = may_be_device and re.match(_DEVICE, readable)
    return f"_{readable}" if is_device or not readable else readable


def as_pytest_recording_writes(name: str) -> str:
    """Return the name of a test as pytest-recording writes it in that of a file."""
    return re.sub(r"""[<>?%*:|"'/\\]""", "-", name)
