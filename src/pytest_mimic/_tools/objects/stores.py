"""Opens object stores through obstore, and says their errors in short texts: what failed, why, what to do next."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from os.path import lexists
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pytest_mimic.errors import RemoteError

if TYPE_CHECKING:
    from pytest_mimic._core.object_place import RemotePlace

NO_CREDENTIALS = "no credentials were found"
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "InvalidBucketName")
_FORBIDDEN = (
    "AccessDenied",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
)
_CODE = r"<Code>(\w+)</Code>"
# The attempts of a request that the store is too busy for, and of one whose connection breaks.
_WHILE_BUSY, _WHILE_BROKEN = 10, 4
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, or a service account",
    "az": "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY, or an identity",
}
_OWN = {"s3": "Amazon S3", "gs": "Google Cloud Storage", "az": "Azure Storage", "file": "the file system"}
_ENDPOINT = {"s3": "AWS_ENDPOINT_URL", "gs": "GOOGLE_BASE_URL", "az": "AZURE_STORAGE_ENDPOINT"}


def is_missing(reason: Exception) -> bool:
    """Return whether a failure only says that there is no such object."""
    return isinstance(reason, FileNotFoundError) and _found(_CODE, str(reason)) not in _NO_BUCKET


def failure(reason: Exception, do: str, key: str, place: RemotePlace) -> RemoteError:
    """Return the error to raise for one of obstore."""
    text = str(reason)
    status, code, kind = _status(text), _found(_CODE, text), _found(r"kind: (\w+)", text)
    if code in _NO_BUCKET:
        return _error("no bucket", f"there is no bucket {place.bucket}", do, key, place)
    server = _server(place)
    if _is_without_credentials(text):
        why = _found(rf"({NO_CREDENTIALS}[^\n]*)", text) or NO_CREDENTIALS
        return _error("forbidden", why, do, key, place)
    if status in ("401", "403") or code in _FORBIDDEN or "Permission denied" in text:
        why = f"access is denied ({code or status or 'by the file system'})"
        return _error("forbidden", why, do, key, place)
    if "incorrectly configured region" in text or code in (
        "PermanentRedirect",
        "AuthorizationHeaderMalformed",
    ):
        return _error("failed", "the bucket is in another region", do, key, place)
    if _is_timeout(text):
        return _error("timeout", f"{server} gave no answer in time", do, key, place)
    if status:
        return _error("failed", f"{server} answered {status}{f' ({code})' if code else ''}", do, key, place)
    if kind in ("Connect", "Request", "Interrupted") and "Body" not in text:
        cause = _found(r'message: "([^"]+)"', text) or _found(r"(invalid peer certificate: \w+)", text)
        what = f"the connection to {server} broke" if kind == "Interrupted" else f"{server} cannot be reached"
        why = f"{what}{f' ({cause.lower()})' if cause else ''}"
        return _error("unreachable", why, do, key, place)
    return _error("failed", _rest(reason, text, server), do, key, place)


def tries_after(reason: Exception) -> int:
    """Return how often a request that failed so is made at most: 1 if it is not worth a second attempt."""
    text = str(reason)
    if _is_without_credentials(text) or _is_timeout(text):
        return 1
    if status := _status(text):
        is_busy = status in ("408", "409", "429") or (status[0] == "5" and status != "501")
        return _WHILE_BUSY if is_busy else 1
    is_broken = isinstance(reason, EOFError) or "kind: " in text or "NoContentRange" in text or "Body" in text
    return _WHILE_BROKEN if is_broken else 1


def _error(kind: str, why: str, do: str, key: str, place: RemotePlace) -> RemoteError:
    url = f"{place.shown}/{key}".rstrip("/")
    return RemoteError(
        f"cannot {do} {url}: {why}", remedies=_remedies(kind, why, place), reason=kind, url=url
    )


def _remedies(kind: str, why: str, place: RemotePlace) -> list[str]:
    """Return what to do next, if there is more to do than to try again."""
    if place.scheme == "file":
        return []
    if kind == "no bucket":
        return ["make the bucket, or correct its name in the settings"]
    if kind == "forbidden":
        what = "set" if why.startswith("no ") else "check"
        return [f"{what} the credentials: {_CREDENTIALS[place.scheme]}"]
    if "another region" in why:
        return ["set AWS_REGION to the region of the bucket"]
    if kind == "unreachable":
        return [f"check the network{f' and {_ENDPOINT[place.scheme]}' if place.endpoint else ''}"]
    return []


def _server(place: RemotePlace) -> str:
    """Return the server's name: its URL without credentials, or the provider."""
    return re.sub(r"//[^/]*@", "//", place.endpoint) or _OWN[place.scheme]


def _rest(reason: Exception, text: str, server: str) -> str:
    """Return the text about a failure that has no words of its own above."""
    if isinstance(reason, EOFError):
        return f"{server} sent {text}"
    if "Body" in text or "NoContentRange" in text:
        return f"{server} did not send all of it"
    if message := _found(r'message: "([^"]+)"', text):
        return message
    if isinstance(reason, LookupError) or "etadata" in text or "nvalid" in text:
        return f"what answers at {server} is not an object store"
    return f"{server} gave an unexpected answer"


def _is_without_credentials(text: str) -> bool:
    """Return whether the last resort for credentials failed: the metadata of a machine in the cloud."""
    return (
        re.search(rf"performing \w+ http://(169\.254\.|metadata)|MissingAccount|{NO_CREDENTIALS}", text)
        is not None
    )


def _is_timeout(text: str) -> bool:
    return "kind: Timeout" in text or "TimedOut" in text or "timed out" in text


def _status(text: str) -> str:
    return _found(r"status code: (\d{3})", text)


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""


_CONNECT = 3.0
# Variables from which obstore takes credentials of S3, or which say that none are needed.
_KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
    "AWS_SKIP_SIGNATURE",
)
_FILES = {"AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials", "AWS_CONFIG_FILE": "~/.aws/config"}
# Temporary credentials are asked for again after this time. botocore renews them.
_LIFETIME = timedelta(minutes=5)


def library(place: RemotePlace) -> ModuleType:
    """Return obstore; RemoteError if it is not installed."""
    try:
        import obstore
        import obstore.exceptions
        import obstore.store
    except ImportError:
        what, remedy = f"{place.shown} needs the extra `objects`", "pip install 'pytest-mimic[objects]'"
        raise RemoteError(what, remedies=[remedy], reason="failed", url=place.shown) from None
    return obstore


def open_store(place: RemotePlace, *, timeout: float) -> object:
    """Return a store, which makes each request once, and gives up after `timeout` seconds without an answer.

    RemoteError: The environment has a setting that obstore does not take.
    """
    obstore = library(place)
    try:
        if place.scheme == "file":
            return obstore.store.LocalStore(place.prefix, mkdir=True, automatic_cleanup=True)
        return _open_bucket(obstore.store, place, timeout)
    except (obstore.exceptions.BaseError, ValueError, PermissionError) as reason:
        raise failure(reason, "open", "", place) from None


def _open_bucket(stores: Any, place: RemotePlace, timeout: float) -> object:
    options: dict[str, Any] = {
        "client_options": {
            "allow_http": place.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=min(timeout, _CONNECT)),
            "read_timeout": timedelta(seconds=timeout),
            "timeout": timedelta(hours=1),  # of a large object; a stalled one ends after `read_timeout`
            "user_agent": "pytest-mimic",
        },
        "retry_config": {"max_retries": 0},
        "prefix": place.prefix or None,
    }
    if place.endpoint:
        options["base_url" if place.scheme == "gs" else "endpoint"] = place.endpoint
    if place.scheme == "s3":
        return stores.S3Store(place.bucket, **options, **_profile())
    return (stores.GCSStore if place.scheme == "gs" else stores.AzureStore)(place.bucket, **options)


def _profile() -> dict[str, Any]:
    """Return the options for a profile of the AWS command, which obstore does not read; none without one.

    PermissionError: botocore is not installed, or cannot read it.
    """
    environment = os.environ
    files = (os.path.expanduser(environment.get(name) or file) for name, file in _FILES.items())  # noqa: PTH111
    if any(map(environment.get, _KEYS)) or not (environment.get("AWS_PROFILE") or any(map(lexists, files))):
        return {}
    try:
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
        from botocore.session import Session  # type: ignore[import-untyped]
    except ImportError:
        raise PermissionError(f"{NO_CREDENTIALS}: a profile of the AWS command needs botocore") from None
    try:
        session = Session()
        region, credentials = session.get_config_variable("region"), session.get_credentials()
    except BotoCoreError as reason:
        raise PermissionError(f"{NO_CREDENTIALS}: {' '.join(str(reason).split())}") from None
    has_region = {"AWS_REGION", "AWS_DEFAULT_REGION"} & environment.keys()
    found = {"region": region} if region and not has_region else {}
    return found if credentials is None else {**found, "credential_provider": _provider(credentials)}


def _provider(credentials: Any) -> Callable[[], dict[str, Any]]:
    def provide() -> dict[str, Any]:
        frozen = credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(timezone.utc) + _LIFETIME if frozen.token else None,
        }

    return provide


def is_absent(place: RemotePlace) -> bool:
    """Return whether a place is a local folder that nobody has written to yet."""
    return place.scheme == "file" and not lexists(place.prefix)
