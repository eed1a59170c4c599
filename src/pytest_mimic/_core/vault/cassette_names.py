"""The names of cassettes: made of a test's id, or given by a user and checked.

`mimic_record()` without a name makes one, and the command `mv` renames such cassettes
with their tests. The name of a cassette that `import` writes is checked as one that a
user gave. A vault may be checked out on any system, so that names fit all of them.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from xxhash import xxh3_64_hexdigest

from pytest_mimic._core.vault.format import NAMES_OF_DEVICES
from pytest_mimic.errors import CassetteError

# A device of Windows as a whole part of a cassette's name, whatever its suffix.
_DEVICE_IN_NAME = r"(?i)(^|/)(con|prn|aux|nul|com\d|lpt\d)(?=$|[/.])"
# A name made of a longer test's id is cut to the end of its folder and the start of its
# last part.
_LONGEST_SLUG = 80


def cassette_of_test(nodeid: str, number_in_test: int = 1) -> str:
    """Return a cassette's name made from a test's id.

    The name is readable, unique, safe on every file system and under 100 characters.
    The number is that of the cassette among the unnamed ones of the test, from 1.

    | test | name |
    |---|---|
    | `tests/test_a.py::test_x` | `tests/test_a/test_x` |
    | `tests/test_a.py::TestA::test_x[EUR 1]` | `tests/test_a/TestA.test_x-EUR-1-…` |

    The dots stand for digits of the test's hash.
    """
    file, _, names_in_file = nodeid.partition("::")
    readable_name = f"{file.removesuffix('.py')}/{names_in_file.replace('::', '.')}"
    if number_in_test > 1:
        readable_name += f"-{number_in_test}"
    slug = re.sub(r"[^\w./-]+", "-", readable_name, flags=re.ASCII).strip("-./ ")
    slug = "/".join(name_part.strip(".") or "-" for name_part in slug.split("/"))
    # Where signs were replaced, the slug may be that of another test, too; and on
    # Windows, names that differ in case alone are one.
    is_of_one_test = slug == readable_name and slug == slug.lower()
    is_short = len(slug) <= _LONGEST_SLUG
    if is_of_one_test and is_short and not re.search(_DEVICE_IN_NAME, slug):
        return slug
    # A digest tells the test from all others.
    id_and_number = f"{nodeid}\0{number_in_test}".encode("utf-8", "surrogatepass")
    digest = xxh3_64_hexdigest(id_and_number)[:10]
    if not is_short:
        folder, _, last_name = slug.rpartition("/")
        slug = f"{folder[-40:].lstrip('-./')}/{last_name[:38].rstrip('-.')}"
    slug = re.sub(_DEVICE_IN_NAME, r"\1\2_", slug)
    return f"{slug}-{digest}"


# File systems allow 255 bytes; the temporary file that is written first has a longer
# name.
_MAX_STEP_BYTES = 200
# What a file's name may not hold on some system, most of it on Windows.
_UNSAFE_SIGN = r"""[\\:*?"<>|\x00-\x1f\x7f\ud800-\udfff]"""


def cassette_name(given_name: str | PurePath) -> str:
    """Return the name that a user gave, without `.json`.

    Raises:
        CassetteError: The name leaves the vault, or some system has no file of this
            name.
    """
    if not isinstance(given_name, (str, PurePath)):
        raise CassetteError(
            f"a cassette's name must be text, not {given_name!r}", cassette=given_name
        )
    text = given_name
    if isinstance(text, PurePath):
        text = text.as_posix()
    name = text.removesuffix(".json")
    name_parts = name.split("/")
    if all(map(_is_portable, name_parts)):
        return name
    remedies = []
    portable_name = _portable_name(name)
    if portable_name:
        remedies.append(f"for example {portable_name}")
    raise CassetteError(
        f"a cassette cannot be called {given_name!r}",
        facts=[
            f"a name may hold folders, each part up to {_MAX_STEP_BYTES} bytes, "
            "stays inside the vault, and fits every system"
        ],
        remedies=remedies,
        cassette=given_name,
    )


def _is_portable(name_part: str) -> bool:
    """Return whether each system can hold a file or folder of this name."""
    if not name_part or re.search(_UNSAFE_SIGN, name_part) or _is_too_long(name_part):
        return False
    # Windows drops dots and blanks at the end, and takes `con.txt` for a device.
    is_device = name_part.partition(".")[0].rstrip().lower() in NAMES_OF_DEVICES
    return name_part[-1] not in ". " and not is_device


def _is_too_long(name_part: str) -> bool:
    return len(name_part.encode("utf-8", "surrogatepass")) > _MAX_STEP_BYTES


def _portable_name(name: str) -> str:
    """Return a name like this one that may be given, for the error's remedy.

    It is `shop/rates` if no part of the name may stay, and empty if a part is too long.
    """
    if any(map(_is_too_long, name.split("/"))):
        return ""
    name_parts = []
    for written_part in re.split(rf"/|{_UNSAFE_SIGN}", name):
        name_part = written_part.rstrip(". ")
        if name_part.lower() in NAMES_OF_DEVICES:
            name_part += "_"
        if _is_portable(name_part):
            name_parts.append(name_part)
    # The error shows the name as an example of one that may be given.
    return "/".join(name_parts) or "shop/rates"
