"""Credentials in a replay: none are looked up, and its requests are not signed.

A URL that is signed in advance gets placeholders, so that it is made as usual and cannot be sent.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.exchange import ABOVE
from pytest_mimic._core.redact.secret_names import PLACEHOLDER

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port
    from pytest_mimic._core.seam.sync_async import Steps

# Providers that read what is there, by the names that botocore gives them. All others fetch credentials.
_READING = ("env", "shared-credentials-file", "custom-credentials-file", "config-file", "boto-config")
# The attribute of placeholders with the function that looks real credentials up.
_LOOK_UP = "_pytest_mimic_look_up"
# The ends of signature versions that put the signature into a URL or a form.
_IN_ADVANCE = ("-query", "-presign-post")


def choose_signer(signature_version: Any, **_: Any) -> Any:
    """Answer botocore's event `choose-signer`: the request of an operation in a replay is not signed."""
    unsigned, exchange = sys.modules["botocore"].UNSIGNED, ABOVE.get()
    if exchange is None or not (exchange.port.taking() and exchange.port.is_replaying):
        return None
    is_in_advance = signature_version is not unsigned and signature_version.endswith(_IN_ADVANCE)
    return None if is_in_advance else unsigned


def sign(
    original: Callable[..., Any],
    port: Port,
    signer: Any,
    operation_name: str,
    request: Any,
    *args: Any,
    **options: Any,
) -> Steps:
    """Replace `RequestSigner.sign`: what it fetches to sign a request is no call."""
    kind = args[1] if len(args) > 1 else options.get("signing_type", "standard")
    is_excluded = kind == "standard" and ABOVE.get() is None
    if not port.taking() or (port.is_replaying and not is_excluded):
        return (yield original(signer, operation_name, request, *args, **options))
    look_up = getattr(signer._credentials, _LOOK_UP, None)
    with port.unmimicked():
        if look_up is not None:
            signer = copy.copy(signer)
            signer._credentials = yield look_up()
        return (yield original(signer, operation_name, request, *args, **options))


def load_credentials(original: Callable[..., Any], port: Port, resolver: Any) -> Steps:
    """Replace `CredentialResolver.load_credentials`.

    In a replay, give the credentials that are in the environment or in a file, or else placeholders.
    """
    if not port.taking():
        return (yield original(resolver))
    if not port.is_replaying:
        with port.unmimicked():
            return (yield original(resolver))
    for provider in resolver.providers:
        found = (yield provider.load()) if provider.METHOD in _READING else None
        if found is not None:
            return found
    is_async = iscoroutinefunction(original)
    module = sys.modules["aiobotocore.credentials" if is_async else "botocore.credentials"]
    make = module.AioCredentials if is_async else module.Credentials
    placeholders = make(PLACEHOLDER, PLACEHOLDER, method="pytest-mimic")
    setattr(placeholders, _LOOK_UP, partial(original, resolver))
    return placeholders


def provide(original: Callable[..., Any], port: Port, provider: Any) -> Steps:
    """Replace `provide` of the provider that asks a virtual machine for its region: a replay does not ask."""
    if not port.taking():
        return (yield original(provider))
    if port.is_replaying:
        return None
    with port.unmimicked():
        return (yield original(provider))
