"""Reads `mimic_objects`: which bucket of which store, or which folder."""

# ruff: noqa: PTH117, PTH111
from __future__ import annotations

import os
import re
from os.path import isabs
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from pytest_mimic._core.words import did_you_mean

SCHEMES = ("s3", "gs", "az", "file")
# The variables that name another endpoint than the provider's own, the most specific first.
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL", "STORAGE_EMULATOR_HOST"),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
# Characters that mean something else in a URL, or that obstore would escape in a key.
_ODD = r"""[\\{}^%`\[\]"<>~|*?\x00-\x1f\x7f-\x9f]"""


class RemotePlace(NamedTuple):
    """A place for objects."""

    scheme: str  # `s3`, `gs`, `az` or `file`
    bucket: str  # the bucket or container; empty for `file`
    # The start of all keys, without slashes at its ends; for `file`, the absolute path of the folder.
    prefix: str
    endpoint: str = ""  # the URL of the server, if it is not the provider's own

    @property
    def shown(self) -> str:
        """The URL for messages, which never holds credentials."""
        if self.scheme == "file":
            return f"file://{'' if self.prefix.startswith('/') else '/'}{self.prefix}"
        return f"{self.scheme}://{self.bucket}{'/' if self.prefix else ''}{self.prefix}"


def parse_place(url: str, rootdir: Path) -> RemotePlace:
    """Return the place that a URL or a path in the rootdir names; ValueError in one readable line if it names none."""
    scheme, colon, rest = url.strip().partition("://")
    scheme = scheme.lower()
    if not colon:
        name, colon, rest = url.strip().partition(":")
        if colon and name.lower() in SCHEMES:
            start = "//" if name.lower() == "file" else "/"
            raise _wrong(url, f"write it as {_shown(f'{name.lower()}:/{start}' + rest.lstrip('/'))}")
        return RemotePlace("file", "", os.path.normpath(rootdir / os.path.expanduser(url.strip())))
    if scheme not in SCHEMES:
        known = ", ".join(SCHEMES)
        raise _wrong(url, f"the scheme {scheme} is not one of {known}{did_you_mean(scheme, SCHEMES)}")
    authority, _, path = rest.partition("/")
    if "@" in authority:
        raise _wrong(url, "credentials do not belong in the URL: set them in the environment")
    if "?" in rest:
        raise _wrong(url, "a query is not supported")
    if "#" in rest:
        raise _wrong(url, "a fragment is not supported")
    if scheme == "file":
        return _folder(url, authority, path)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", authority):
        raise _wrong(url, f"{authority!r} is not the name of a bucket" if authority else "it names no bucket")
    prefix = path.strip("/")
    if odd := re.search(_ODD, prefix):
        raise _wrong(url, f"the prefix must not hold {odd[0]!r}")
    if prefix and not all(part.strip(".") for part in prefix.split("/")):
        raise _wrong(url, "the prefix must not hold '//', '.' or '..'")
    return RemotePlace(scheme, authority, prefix, _endpoint(scheme))


def _folder(url: str, authority: str, path: str) -> RemotePlace:
    """Return the place in a local folder."""
    if authority not in ("", "localhost"):
        raise _wrong(url, f"the path must be absolute: file:///{authority}/{path}")
    folder = _folder_in(f"/{path}")
    parts = re.split(r"[/\\]", folder)
    if not isabs(folder) or not any(parts) or ".." in parts:
        raise _wrong(url, "file:// needs an absolute path of a folder: file:///folder")
    return RemotePlace("file", "", folder.rstrip("/\\"))


def _folder_in(path: str) -> str:
    if os.name != "nt":
        return unquote(path)  # what `url2pathname` does, whose module takes as long as the rest of a command
    from urllib.request import url2pathname

    return url2pathname(path)


def _endpoint(scheme: str) -> str:
    """Return the server that the environment names for a scheme, or an empty string."""
    for name in _ENDPOINTS[scheme]:
        endpoint = os.environ.get(name, "").strip().rstrip("/")
        if endpoint and not re.match(r"https?://[^/\s]", endpoint):
            # Not shown, because it may hold credentials.
            raise ValueError(f"{name} in the environment is not a URL such as https://minio.example.com")
        if endpoint:
            return endpoint
    return ""


def _wrong(url: str, why: str) -> ValueError:
    """Return an error about a URL, which is shown without credentials."""
    return ValueError(f"{_shown(url)!r} is no place for objects: {why}")


def _shown(url: str) -> str:
    """Return a URL without credentials, also a wrong one."""
    scheme, colon, rest = url.partition(":")
    if not colon:
        scheme, rest = "", url
    authority, slash, path = rest.lstrip("/").split("?")[0].partition("/")
    slashes = rest[: len(rest) - len(rest.lstrip("/"))]
    return f"{scheme}{colon}{slashes}{authority.rpartition('@')[2]}{slash}{path.rpartition('@')[2]}"
