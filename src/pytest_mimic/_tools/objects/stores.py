"""Makes obstore's stores from a place and the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from os.path import lexists
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pytest_mimic._tools.objects.store_errors import NO_CREDENTIALS, failure, missing_extra

if TYPE_CHECKING:
    from pytest_mimic._tools.objects.place import RemotePlace

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
        raise missing_extra(place) from None
    return obstore


def open_store(place: RemotePlace, *, timeout: float) -> Any:
    """Return a store, which makes each request once.

    Args:
        place: The place.
        timeout: Seconds without an answer after which a request fails.

    Raises:
        RemoteError: The environment has a setting that obstore does not take.
    """
    obstore = library(place)
    try:
        if place.scheme == "file":
            return obstore.store.LocalStore(place.prefix, mkdir=True, automatic_cleanup=True)
        return _open_bucket(obstore.store, place, timeout)
    except (obstore.exceptions.BaseError, ValueError, PermissionError) as reason:
        raise failure(reason, "open", "", place) from None


def _open_bucket(stores: Any, place: RemotePlace, timeout: float) -> Any:
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

    Raises:
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
