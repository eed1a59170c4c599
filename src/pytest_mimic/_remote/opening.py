"""Opens a remote vault by its URL."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._remote.place import cache_folder, parse_place
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._remote.store import RemoteStore

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_PACKAGES = ("obstore", "platformdirs")
_INSTALL = "pip install 'pytest-mimic[remote]'"


class RemoteVault(NamedTuple):
    """A remote vault as the settings have it: the folder of its local copies, and its URL without credentials."""

    folder: Path
    shown: str


def locate(url: str) -> RemoteVault:
    """Return the vault of a URL. Nothing is opened.

    Raises:
        MimicError: The URL is wrong, or the extra `remote` is not installed.
    """
    try:
        place = parse_place(url)
        if not all(map(find_spec, _PACKAGES)):
            raise MimicError(f"the vault {place.shown} needs the extra remote: {_INSTALL}")
        return RemoteVault(Path(cache_folder(place)), place.shown)
    except ValueError as reason:
        raise MimicError(str(reason)) from None


def open_remote(url: str, folder: Path, *, max_bytes: int) -> RemoteStore:
    """Return the store of a vault that was located, whose local copies may have so many bytes. No request is made.

    Raises:
        MimicError: The environment has a setting that the store's library does not take.
    """
    from pytest_mimic._remote.store import RemoteStore

    place = parse_place(url)
    store = RemoteStore(place, str(folder), max_bytes=max_bytes)
    if place.scheme != "file":  # which has no credentials, and a folder that opening makes
        store.bucket.open()
    return store
