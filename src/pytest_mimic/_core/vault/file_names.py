"""Names of files in a vault: short, readable, and safe on every file system."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePath

from xxhash import xxh3_64_hexdigest, xxh3_128_hexdigest

from pytest_mimic.errors import CassetteError

#: The folders of recordings and of cassettes.
FOLDERS = ("calls", "cassettes")
#: The beginning of the name of each recording that is no cassette, and of each cassette.
CALLS = "calls/"
CASSETTES = "cassettes/"
_LONGEST = 56
# The names that Windows keeps for devices, whatever their suffix.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
_DEVICE = r"(?i)(^|/)(con|prn|aux|nul|com\d|lpt\d)(?=$|[/.])"


def recording_name(target: str, key: str, owner: str | None = None) -> str:
    """Return the name of a call's recording: `calls/shop.api/fetch_rates/<key>.json`.

    The key is the call's identity, or the hash of it and of the test or scope that is the recording's owner. Two targets
    never share a folder, even where case does not count. A client's has no second part.
    """
    if owner is not None:
        _, dash, parts = key.partition("-")  # as `imported_parts`
        key = xxh3_128_hexdigest(f"{key}\0{owner}".encode("utf-8", "surrogatepass")) + dash + parts
    return f"calls/{_folder(target)}/{key}.json"


def imported_parts(key: str) -> str:
    """Return the parts that count in the key of an imported recording, `1a2b…-method-uri`; empty in that of another."""
    return key.partition("-")[2]


@lru_cache(maxsize=1_000)
def _folder(target: str) -> str:
    return "/".join([_component(part) for part in target.split(":", 1)])


def _component(text: str) -> str:
    """Return the text as a folder's name, with digits of its hash if it had to change or has capital letters."""
    is_plain = text.isascii() and text.replace(".", "_").isidentifier()
    safe = text if is_plain else re.sub(r"[^A-Za-z0-9_.-]+", "_", text)
    safe = safe[:_LONGEST].strip(".") or "_"
    if safe.partition(".")[0].lower() in _RESERVED:
        safe = f"_{safe}"
    if safe == text and safe == safe.lower() and not safe.endswith((".json", ".pkl")):
        return safe
    from hashlib import blake2b

    return f"{safe}-{blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=3).hexdigest()}"


def cassette_of_test(nodeid: str, number: int = 1) -> str:
    """Return a cassette's name made from a test's id.

    The name is readable, unique, safe on every file system and under 100 characters. The `number` is that of the
    cassette among the unnamed ones of the test, from 1.
    """
    file, _, rest = nodeid.partition("::")
    plain = f"{file.removesuffix('.py')}/{rest.replace('::', '.')}" + (f"-{number}" if number > 1 else "")
    slug = re.sub(r"[^\w./-]+", "-", plain, flags=re.ASCII).strip("-./ ")
    slug = "/".join(step.strip(".") or "-" for step in slug.split("/"))
    if slug == plain and slug == slug.lower() and len(slug) <= 80 and not re.search(_DEVICE, slug):
        return slug
    # The slug no longer identifies the test (a sign replaced, case on Windows, length), so a digest does.
    digest = xxh3_64_hexdigest(f"{nodeid}\0{number}".encode("utf-8", "surrogatepass"))[:10]
    if len(slug) > 80:
        folder, _, last = slug.rpartition("/")
        slug = f"{folder[-40:].lstrip('-./')}/{last[:38].rstrip('-.')}"
    slug = re.sub(_DEVICE, r"\1\2_", slug)
    return f"{slug}-{digest}"


# File systems allow 255 bytes; the temporary file that is written first has a longer name.
_MAX_STEP_BYTES = 200


def cassette_name(given: str | PurePath) -> str:
    """Return the name that a user gave, without `.json`.

    Raises:
        CassetteError: It leaves the vault, or cannot be a file's name.
    """
    if not isinstance(given, (str, PurePath)):
        raise CassetteError(f"a cassette's name must be text, not {given!r}", cassette=given)
    name = (given if isinstance(given, str) else given.as_posix()).removesuffix(".json")
    steps = name.split("/")
    too_long = any(len(step.encode("utf-8", "surrogatepass")) > _MAX_STEP_BYTES for step in steps)
    if too_long or re.search(r"[\\:\0\ud800-\udfff]", name) or not {"", ".", ".."}.isdisjoint(steps):
        fact = f"a name may hold folders, each part up to {_MAX_STEP_BYTES} bytes, and stays inside the vault"
        inside = "/".join(step for step in re.split(r"[\\/:]", name) if step not in ("", ".", ".."))
        hint = [] if too_long or not inside.isprintable() else [f"for example {inside or 'shop/rates'}"]
        what = f"a cassette cannot be called {given!r}"
        raise CassetteError(what, facts=[fact], remedies=hint, cassette=given)
    return name
