"""Makes obstore's stores from a place and the environment."""

# A Path takes long to join, and a test may have replaced it.
from __future__ import annotations

from datetime import timedelta
from os.path import lexists
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pytest_mimic._remote.credentials import credential_options
from pytest_mimic._remote.failures import failure, missing_extra

if TYPE_CHECKING:
    from pytest_mimic._remote.place import RemotePlace

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# The repetitions of a request, with pauses of 0.1 s growing to 5 s at random.
_REPEATS = 5
_CONNECT = 3.0
_BACKOFF = {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=5), "base": 2}


def library(place: RemotePlace) -> ModuleType:
    """Return obstore; RemoteError if it is not installed."""
    try:
        import obstore
        import obstore.exceptions
        import obstore.store
    except ImportError:
        raise missing_extra(place) from None
    return obstore


def open_stores(place: RemotePlace, *, timeout: float) -> tuple[Any, Any]:
    """Return two stores, one that repeats failed requests and one that does not.

    Args:
        place: The place.
        timeout: Seconds without an answer after which a request fails.

    Raises:
        RemoteError: The environment has a setting that obstore does not take.
    """
    obstore = library(place)
    if place.scheme == "file":
        try:
            store = obstore.store.LocalStore(place.prefix, mkdir=True, automatic_cleanup=True)
        except obstore.exceptions.BaseError as reason:
            raise failure(reason, "open", "", place) from None
        return store, store
    own = credential_options(place.scheme, obstore)
    try:
        return (
            _open_store(obstore.store, place, own, timeout=timeout, repeats=True),
            _open_store(obstore.store, place, own, timeout=timeout, repeats=False),
        )
    except (obstore.exceptions.BaseError, ValueError) as reason:
        raise failure(reason, "open", "", place) from None


def _open_store(
    stores: Any, place: RemotePlace, own: dict[str, Any], *, timeout: float, repeats: bool
) -> Any:
    """Return a store, with settings from the environment and own options."""
    options: dict[str, Any] = {
        "client_options": {
            "allow_http": place.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=min(timeout, _CONNECT)),
            "read_timeout": timedelta(seconds=timeout),
            "timeout": timedelta(hours=1),  # of a large object; a stalled one ends after `read_timeout`
            "user_agent": "pytest-mimic",
        },
        "retry_config": {
            "max_retries": _REPEATS if repeats else 0,
            "retry_timeout": timedelta(seconds=2 * timeout),
            "backoff": _BACKOFF,
        },
        "prefix": place.prefix or None,
        **own,
    }
    if place.scheme == "s3":
        if place.endpoint:
            options["endpoint"] = place.endpoint
        return stores.S3Store(place.bucket, **options)
    if place.scheme == "gs":
        if place.endpoint:
            options["base_url"] = place.endpoint
        return stores.GCSStore(place.bucket, **options)
    if place.endpoint:
        options["endpoint"] = place.endpoint
    return stores.AzureStore(place.bucket, **options)


def is_absent(place: RemotePlace) -> bool:
    """Return whether a place is a local folder that nobody has written to yet."""
    return place.scheme == "file" and not lexists(place.prefix)
