"""Signatures of requests that may be replayed: no credentials are looked up before a request is sent.

botocore signs a request before the adapter can decide about it. A signature needs credentials, which are perhaps missing
or must be fetched. So a request is signed with placeholders first, and signed again if it is sent.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from inspect import iscoroutinefunction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.aws.operation import current, performing
from pytest_mimic._core.redact.secret_names import PLACEHOLDER

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port
    from pytest_mimic._core.seam.sync_async import Steps

# Credentials and tokens that are known already. Others have to be fetched or renewed.
_KNOWN = ("Credentials", "AioCredentials", "ReadOnlyCredentials", "FrozenAuthToken")


class UnsignedRequest:
    """A request as it is before it is signed."""

    def __init__(self, sign: Callable[[Any], Steps], request: Any) -> None:
        self._sign = sign
        self._request = _copy(request)

    def sign(self, prepared: Any) -> Steps:
        """Sign the request with real credentials, and give a prepared one what this adds.

        Raises:
            NoCredentialsError: botocore finds no credentials.
        """
        request = self._request
        before = request.prepare()
        yield from self._sign(request)
        after = request.prepare()
        if after.url != before.url:
            prepared.url = after.url
        if after.body != before.body:
            prepared.body = after.body
        for name, value in after.headers.items():
            if before.headers.get(name) != value:
                prepared.headers[name] = value.encode() if isinstance(value, str) else value


@contextmanager
def _fetching(port: Port) -> Iterator[None]:
    """Return a block that may fetch credentials. No client records the requests for them."""
    with performing(None), port.unmimicked():
        yield


def _copy(request: Any) -> Any:
    twin = copy.copy(request)
    twin.headers = copy.deepcopy(request.headers)
    return twin


def wrap_sign(run: Callable[..., Any], original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return the function that replaces `RequestSigner.sign`."""

    def signing(signer: Any, operation_name: str, request: Any, *args: Any, **options: Any) -> Steps:
        kind = args[1] if len(args) > 1 else options.get("signing_type", "standard")
        operation = current()
        # A URL signed in a replay is not sent either. If it should be, the placeholder prevents it.
        is_postponed = operation is not None if kind == "standard" else port.is_replaying

        def sign(unsigned: Any) -> Steps:
            with _fetching(port):
                yield original(signer, operation_name, unsigned, *args, **options)

        if not port.taking():
            return (yield original(signer, operation_name, request, *args, **options))
        if not is_postponed or _has_credentials(signer, request):
            return (yield from sign(request))
        if operation is not None and kind == "standard":
            operation.unsigned = UnsignedRequest(sign, request)
        return (yield original(_with_placeholders(signer), operation_name, request, *args, **options))

    @wraps(original)
    def sign(*args: Any, **options: Any) -> Any:
        return run(signing(*args, **options))

    return sign


def _has_credentials(signer: Any, request: Any) -> bool:
    """Check whether a signer can sign a request without fetching anything."""
    token = signer._auth_token
    is_fetched = "identity_cache" in (request.context or {}).get("signing", {})
    return not is_fetched and is_known(signer._credentials) and (token is None or is_known(token))


def is_known(credentials: Any) -> bool:
    return type(credentials).__name__ in _KNOWN


def _with_placeholders(signer: Any) -> Any:
    """Return a copy of a signer that has placeholders for all credentials."""
    is_async = iscoroutinefunction(type(signer).handler)
    module = "aiobotocore.credentials" if is_async else "botocore.credentials"
    make = getattr(sys.modules[module], "AioCredentials" if is_async else "Credentials")
    twin = copy.copy(signer)
    twin._credentials = make(PLACEHOLDER, PLACEHOLDER)
    twin._auth_token = sys.modules["botocore.tokens"].FrozenAuthToken(PLACEHOLDER)
    # Directory buckets of S3 have credentials of their own, with a token.
    with_token = make(PLACEHOLDER, PLACEHOLDER, PLACEHOLDER)

    def get_credentials(_: object) -> Any:
        return _later(with_token) if is_async else with_token

    cache = SimpleNamespace(get_credentials=get_credentials)
    twin._resolve_identity_cache = lambda options, _cache, key: options.update(
        identity_cache=cache, cache_key=key
    )
    return twin


async def _later(value: Any) -> Any:
    return value


def wrap_load(run: Callable[..., Any], original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return the function that replaces `load` of a provider that fetches credentials.

    In a replay, it returns credentials that are fetched when a request is signed that is sent in spite of it.
    """

    def loading(provider: Any) -> Steps:
        if not port.taking():
            return (yield original(provider))
        if port.is_replaying and _may_find(provider):
            return _DeferredCredentials(original, provider)
        with _fetching(port):
            return (yield original(provider))

    @wraps(original)
    def load(provider: Any) -> Any:
        return run(loading(provider))

    return load


def _may_find(provider: Any) -> bool:
    """Check whether a provider would fetch anything."""
    kind = provider.METHOD
    if kind == "iam-role":
        return not getattr(provider._role_fetcher, "_disabled", False)
    if kind == "container-role":
        return provider.ENV_VAR in provider._environ or provider.ENV_VAR_FULL in provider._environ
    return provider._credential_process is not None


class _DeferredCredentials:
    """Credentials that are fetched when they are used."""

    def __init__(self, load: Callable[[Any], Any], provider: Any) -> None:
        self._load = load
        self._provider = provider
        self.method: str = provider.METHOD

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if iscoroutinefunction(self._load):
            return partial(_await, self._load, self._provider, name)
        return getattr(_found(self._load(self._provider)), name)

    def get_deferred_property(self, name: str) -> Callable[[], Any]:
        return lambda: None if name == "account_id" else getattr(self, name)


async def _await(load: Callable[[Any], Any], provider: Any, name: str) -> Any:
    return None if name == "get_account_id" else await getattr(_found(await load(provider)), name)()


def _found(credentials: Any) -> Any:
    if credentials is None:
        raise sys.modules["botocore.exceptions"].NoCredentialsError
    return credentials


def wrap_deferred_property(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return the function that replaces `Credentials.get_deferred_property`.

    A replay needs no account id, which is only a part of host names: credentials would be renewed to find it.
    """

    @wraps(original)
    def get_deferred_property(credentials: Any, name: str) -> Any:
        get = original(credentials, name)
        if name != "account_id" or is_known(credentials):
            return get
        return lambda: None if port.taking() and port.is_replaying else get()

    return get_deferred_property


def wrap_get_account_id(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return the function that replaces `get_account_id` of aiobotocore's credentials, for the same reason."""

    @wraps(original)
    def get_account_id(credentials: Any) -> Any:
        return _later(None) if port.taking() and port.is_replaying else original(credentials)

    return get_account_id


def wrap_provide(run: Callable[..., Any], original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """Return the function that replaces `provide` of the provider that asks a virtual machine for its region."""

    def providing(provider: Any) -> Steps:
        if not port.taking():
            return (yield original(provider))
        if port.is_replaying:
            return None
        with _fetching(port):
            return (yield original(provider))

    @wraps(original)
    def provide(provider: Any) -> Any:
        return run(providing(provider))

    return provide
