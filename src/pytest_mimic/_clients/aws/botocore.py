"""The adapter of botocore, on which boto3 is built, and of aiobotocore.

Read against botocore 1.43 and aiobotocore 3.10. An operation is noted where a client performs it; the HTTP clients below,
urllib3, aiohttp and httpx, record and replay each attempt to send its request. The client's retries, redirects, waiters and
paginators stay real. In-process clients (moto's decorator, botocore's Stubber) answer before a request is sent. Other HTTP
sessions than the libraries' own are left alone.
"""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakSet

from pytest_mimic._clients.aws.aws_exchange import AwsExchange
from pytest_mimic._clients.aws.operation import AwsOperation
from pytest_mimic._clients.http.aiohttp import AiohttpAdapter
from pytest_mimic._clients.http.exchange import ABOVE, HttpAdapter
from pytest_mimic._clients.http.httpx import HttpxAdapter
from pytest_mimic._clients.http.urllib3 import Urllib3Adapter
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.seam.base import ClientCall, Edge
from pytest_mimic._core.seam.sync_async import async_method, sync_method
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port
    from pytest_mimic._core.seam.sync_async import Steps

# Members that are the body of a request.
_BODIES = ("Body", "body", "Payload", "payload")
# Elements that differ from response to response.
_OF_RESPONSE = frozenset({"RequestId", "RequestID", "requestId", "HostId"})
_NAMESPACE = re.compile(r"^\{[^}]*\}")
_MODULES = {sync_method: ("botocore", ""), async_method: ("aiobotocore", "Aio")}
_BELOW = (Urllib3Adapter("urllib3"), AiohttpAdapter("aiohttp"), HttpxAdapter("httpx"), HttpxAdapter("httpx2"))
_SESSIONS = ("botocore.httpsession", "aiobotocore.httpsession", "aiobotocore.httpxsession")


class BotocoreAdapter(HttpAdapter):
    """The adapter of `botocore`, and of `aiobotocore`."""

    recorded_as: ClassVar = ""
    implied: ClassVar = {**HttpAdapter.implied, **{f"params.{name}": ("body", "format") for name in _BODIES}}

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._asked: WeakSet[Any] = WeakSet()

    def edges(self) -> Sequence[Edge]:
        """Return the methods of both libraries, and the edges of the HTTP clients below, which stay theirs."""
        below = [edge._replace(origin=edge.origin or one.name) for one in _BELOW for edge in one.edges()]
        own = [edge for make in _MODULES for edge in _edges(make, self._asked)]
        return [*own, *below]

    def comparable(self, plain: Any, beside: Any = None, /) -> Any:
        """Return status, content type and body as for all HTTP. XML is compared element by element, without ids of requests."""
        found = super().comparable(plain, beside)
        body, kind = found.get("body"), found.get("headers", {}).get("content-type", "")
        if isinstance(body, str) and body.lstrip("\ufeff \r\n").startswith("<") and "html" not in kind:
            found["body"] = _elements(body)
        return found


def _edges(make: Callable[..., Any], asked: WeakSet[Any]) -> list[Edge]:
    package, prefix = _MODULES[make]
    client = "AioBaseClient" if prefix else "BaseClient"
    methods: list[tuple[str, str, str, Callable[..., Steps]]] = [
        ("client", client, "_make_api_call", partial(_perform, asked)),
        ("client", client, "_emit_api_params", _read_final),
        ("endpoint", f"{prefix}Endpoint", "_send", _send),
        ("signers", f"{prefix}RequestSigner", "sign", sign),
        ("credentials", f"{prefix}CredentialResolver", "load_credentials", load_credentials),
        ("utils", f"{prefix}IMDSRegionProvider", "provide", provide),
    ]
    return [
        Edge(f"{package}.{module}", (owner, name), partial(make, begin))
        for module, owner, name, begin in methods
    ]


def _perform(
    asked: WeakSet[Any],
    original: Callable[..., Any],
    port: Port,
    client: Any,
    operation_name: str,
    api_params: dict[str, Any],
) -> Steps:
    """Note an operation for the HTTP client below. `asked` are the clients whose events are handled."""
    send = type(client._endpoint.http_session).send
    if not port.taking() or getattr(send, "__module__", "") not in _SESSIONS:
        return (yield original(client, operation_name, api_params))
    if client not in asked:
        asked.add(client)
        client.meta.events.register_first("choose-signer", choose_signer, unique_id="pytest-mimic")
    operation = AwsOperation(client._service_model.operation_model(operation_name))
    api_params = yield from operation.read(api_params)
    is_taken = port.takes(ClientCall(operation.signature(), {}, (), {}))
    token = ABOVE.set((AwsExchange(port, operation),) if is_taken else ())
    try:
        return (yield original(client, operation_name, api_params))
    finally:
        ABOVE.reset(token)


def _read_final(original: Callable[..., Any], _port: Port, client: Any, *args: Any, **options: Any) -> Steps:
    """Read the parameters as the handlers of events have changed them."""
    final = yield original(client, *args, **options)
    for exchange in ABOVE.get():
        if isinstance(exchange, AwsExchange):
            exchange.operation.take_expressions(final)
    return final


def _send(original: Callable[..., Any], _port: Port, endpoint: Any, request: Any) -> Steps:
    """Raise the plugin's own errors: sessions hide what they do not know in an error, and botocore tries again."""
    try:
        return (yield original(endpoint, request))
    except Exception as error:
        hidden = getattr(error, "kwargs", {}).get("error")
        if isinstance(hidden, MimicError):
            raise hidden from None
        raise


def _elements(text: str) -> Any:
    """Return an XML document as mappings of its elements; a text that is none as it is."""
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return text
    return {_tag(root): _content(root)}


def _content(element: Any) -> Any:
    found: dict[str, Any] = {}
    for child in element:
        name = _tag(child)
        if name in _OF_RESPONSE:
            continue
        value = _content(child)
        found[name] = [*found[name], value] if name in found else [value]
    if not len(element):
        return element.text or ""
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _tag(element: Any) -> str:
    return _NAMESPACE.sub("", element.tag)


# Credentials in a replay: none are looked up, and its requests are not signed. A URL that is signed in advance gets
# placeholders, so that it is made as usual and cannot be sent.


# Providers that read what is there, by the names that botocore gives them. All others fetch credentials.
_READING = ("env", "shared-credentials-file", "custom-credentials-file", "config-file", "boto-config")
# The attribute of placeholders with the function that looks real credentials up.
_LOOK_UP = "_pytest_mimic_look_up"
# The ends of signature versions that put the signature into a URL or a form.
_IN_ADVANCE = ("-query", "-presign-post")


def choose_signer(signature_version: Any, **_: Any) -> Any:
    """Answer botocore's event `choose-signer`: the request of an operation in a replay is not signed."""
    unsigned = sys.modules["botocore"].UNSIGNED
    if not any(exchange.port.taking() and exchange.port.is_replaying for exchange in ABOVE.get()):
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
    is_excluded = kind == "standard" and not ABOVE.get()
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
