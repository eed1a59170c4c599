"""The adapter of botocore, on which boto3 is built, and of aiobotocore: one attempt to send a request.

Read against botocore 1.43 and aiobotocore 3.10. The client's retries, redirects, waiters and paginators are above the edge.
In-process clients (moto's decorator, botocore's Stubber) answer before it. Other HTTP sessions than the libraries' own are
left alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_mimic._clients.aws import urllib3_session
from pytest_mimic._clients.aws.aws_exchange import AwsExchange
from pytest_mimic._clients.aws.operation import AwsOperation, current, is_getting_credentials, performing
from pytest_mimic._clients.aws.signing import (
    wrap_deferred_property,
    wrap_get_account_id,
    wrap_load,
    wrap_provide,
    wrap_sign,
)
from pytest_mimic._clients.http.exchange import HttpAdapter
from pytest_mimic._core.seam.base import Edge
from pytest_mimic._core.seam.sync_async import run_async, run_sync

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port
    from pytest_mimic._core.seam.sync_async import Steps

_PARTS = ("service", "operation", "params")
# Members that are the body of a request.
_BODIES = ("Body", "body", "Payload", "payload")
# Elements that differ from response to response.
_OF_RESPONSE = frozenset({"RequestId", "RequestID", "requestId", "HostId"})
_NAMESPACE = re.compile(r"^\{[^}]*\}")
_MODULES = {run_sync: ("botocore", ""), run_async: ("aiobotocore", "Aio")}


class BotocoreAdapter(HttpAdapter):
    """The adapter of `botocore`, and of `aiobotocore`."""

    parts: ClassVar[tuple[str, ...]] = (*HttpAdapter.parts, *_PARTS)
    implied: ClassVar = {
        **HttpAdapter.implied,
        **{f"params.{name}": ("body", "format") for name in _BODIES},
    }

    def edges(self) -> Sequence[Edge]:
        return [edge for run in _MODULES for edge in _edges(run)]

    def comparable(self, plain: Any, beside: Any = None, /) -> Any:
        """Return status, content type and body as for all HTTP. XML is compared element by element, without ids of requests."""
        found = super().comparable(plain, beside)
        body, kind = found.get("body"), found.get("headers", {}).get("content-type", "")
        if isinstance(body, str) and body.lstrip("\ufeff \r\n").startswith("<") and "html" not in kind:
            found["body"] = _elements(body)
        return found


def _edges(run: Callable[..., Any]) -> list[Edge]:
    package, prefix = _MODULES[run]
    client = "BaseClient" if run is run_sync else "AioBaseClient"
    endpoint, signer = f"{prefix}Endpoint", f"{prefix}RequestSigner"
    edges = [
        Edge(f"{package}.client", (client, "_make_api_call"), partial(_wrap_make_api_call, run)),
        Edge(f"{package}.client", (client, "_emit_api_params"), partial(_wrap_emit_api_params, run)),
        Edge(f"{package}.endpoint", (endpoint, "_send"), partial(_wrap_send, run)),
        Edge(f"{package}.signers", (signer, "sign"), partial(wrap_sign, run)),
        Edge(f"{package}.utils", (f"{prefix}IMDSRegionProvider", "provide"), partial(wrap_provide, run)),
    ]
    credentials = f"{package}.credentials"
    if run is run_sync:
        edges.append(Edge(credentials, ("Credentials", "get_deferred_property"), wrap_deferred_property))
    else:
        edges.append(Edge(credentials, ("AioRefreshableCredentials", "get_account_id"), wrap_get_account_id))
    for provider in ("InstanceMetadataProvider", "ContainerProvider", "ProcessProvider"):
        edges.append(Edge(credentials, (f"{prefix}{provider}", "load"), partial(wrap_load, run)))
    return edges


def _wrap_make_api_call(
    run: Callable[..., Any], original: Callable[..., Any], port: Port
) -> Callable[..., Any]:
    def making(client: Any, operation_name: str, api_params: dict[str, Any]) -> Steps:
        if not port.taking() or is_getting_credentials():
            return (yield original(client, operation_name, api_params))
        operation = AwsOperation(client._service_model.operation_model(operation_name))
        api_params = yield from operation.read(api_params)
        with performing(operation):
            return (yield original(client, operation_name, api_params))

    @wraps(original)
    def make_api_call(client: Any, operation_name: str, api_params: dict[str, Any]) -> Any:
        return run(making(client, operation_name, api_params))

    return make_api_call


def _wrap_emit_api_params(
    run: Callable[..., Any], original: Callable[..., Any], _port: Port
) -> Callable[..., Any]:
    def emitting(client: Any, *args: Any, **options: Any) -> Steps:
        final = yield original(client, *args, **options)
        operation = current()
        if operation is not None:
            operation.take_expressions(final)
        return final

    @wraps(original)
    def emit_api_params(client: Any, *args: Any, **options: Any) -> Any:
        return run(emitting(client, *args, **options))

    return emit_api_params


def _wrap_send(run: Callable[..., Any], original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    exchange = AwsExchange(port)

    def sending(endpoint: Any, request: Any) -> Steps:
        operation, session = current(), endpoint.http_session
        transport: Any = _transport_of(session)
        attempt = None
        if operation is not None and transport and port.taking():
            attempt = exchange.attempt(operation, session, request)
        unsigned = None
        if operation is not None:
            unsigned, operation.unsigned = operation.unsigned, None

        def sign() -> Steps:
            if unsigned is not None:
                yield from unsigned.sign(request)

        if attempt is None:
            yield from sign()
            return (yield original(endpoint, request))
        if attempt.step.mode == "replay":
            return (yield from transport.replay(attempt))
        return (yield from transport.run(attempt, sign))

    @wraps(original)
    def send(endpoint: Any, request: Any) -> Any:
        return run(sending(endpoint, request))

    return send


def _transport_of(session: Any) -> Any:
    """Return the module that replays through an HTTP session, or None for a class that is not known."""
    send = type(session).send
    module = getattr(send, "__module__", "")
    own = getattr(sys.modules.get(module), type(session).__name__, None)
    if module == "botocore.httpsession" and isinstance(session, sys.modules[module].URLLib3Session):
        return urllib3_session
    if own is not None and module in ("aiobotocore.httpsession", "aiobotocore.httpxsession"):
        from pytest_mimic._clients.aws import async_sessions

        return async_sessions
    return None


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
