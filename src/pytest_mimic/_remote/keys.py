"""The keys of a vault's objects in a bucket."""

from __future__ import annotations

import re
from hashlib import blake2b

from pytest_mimic._remote.ulids import is_ulid

STATE = "state/"
# Folders, as a server finds keys by these alone.
MANIFESTS = f"{STATE}manifest/"
LOOSE = f"{STATE}new/"
CLAIMS = "claims/"
PACKS = "packs/"
LARGES = "large/"
FORMAT_FILE = "format.json"
_TAG_LENGTH = 7
# Parts of these keys are names of local files. Whoever may write to the store must not choose these.
_LOOSE_KEY = re.compile(rf"{LOOSE}[0-9a-f]{{{_TAG_LENGTH}}}/([0-9a-z]{{26}})")
# Other files may lie in the same folders.
_SHARED_KEY = re.compile(
    rf"{PACKS}[0-9a-f]{{64}}\.pack|{LARGES}[0-9a-f]{{64}}|{CLAIMS}([0-9a-f]{{7}}(-[0-9]+)?|alive-[0-9a-z]+)"
)
_MANIFEST_KEY = re.compile(rf"{MANIFESTS}[0-9]{{12}}")


def pack_key(digest: str) -> str:
    """Return the key of a pack, by its SHA-256 in hex."""
    return f"{PACKS}{digest}.pack"


def large_key(digest: str) -> str:
    """Return the key of an object of its own, by its SHA-256 in hex."""
    return f"{LARGES}{digest}"


def manifest_key(generation: int) -> str:
    """Return the key of a manifest. The keys are in the order of the generations."""
    return f"{MANIFESTS}{generation:012d}"


def loose_key(name: str, ulid: str) -> str:
    """Return the key of a loose recording."""
    return f"{loose_folder(tag_of(name))}{ulid}"


def is_loose_key(key: str) -> bool:
    """Return whether this is the key of a loose recording."""
    match = _LOOSE_KEY.fullmatch(key)
    return match is not None and is_ulid(match[1])


def is_shared_key(key: str) -> bool:
    """Return whether this is the key of a pack, of a large object or of a claim."""
    return _SHARED_KEY.fullmatch(key) is not None


def is_manifest_key(key: str) -> bool:
    """Return whether this is the key of a manifest."""
    return _MANIFEST_KEY.fullmatch(key) is not None


def loose_folder(tag: str) -> str:
    """Return the folder of all loose recordings with a tag."""
    return f"{LOOSE}{tag}/"


def tag_of(name: str) -> str:
    """Return seven hex digits for a recording: the first ones of its key, as in its lock, or of a hash of its name."""
    stem = name.rpartition("/")[2].partition(".")[0]
    digits = stem[:_TAG_LENGTH]
    if len(digits) == _TAG_LENGTH and set(digits) <= set("0123456789abcdef"):
        return digits
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()[:_TAG_LENGTH]


def ulid_of(key: str) -> str:
    """Return the part of a loose recording's key that says when it was written."""
    return key.rpartition("/")[2]


def tag_in(key: str) -> str:
    """Return the tag in the key of a loose recording."""
    return key.split("/")[2]
