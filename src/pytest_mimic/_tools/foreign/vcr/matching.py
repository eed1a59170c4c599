"""The recorded requests of a cassette beside those that clients send: the same description on both sides."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.compression import inflate
from pytest_mimic._clients.http.exchange import Exchange, HttpRequest
from pytest_mimic._clients.http.http_secrets import NoSecrets, Secrets
from pytest_mimic._clients.http.message import text_pairs
from pytest_mimic._clients.http.request_body import describe_body
from pytest_mimic._tools.foreign.vcr.cassette_entries import VcrExchange, read_entry
from pytest_mimic._tools.foreign.vcr.vcr_requests import VcrHeaders, VcrRequest
from pytest_mimic._tools.foreign.vcr.vcr_settings import VOLATILE_HEADERS

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.seam.base import ClientCall
    from pytest_mimic._tools.foreign.vcr.vcr_settings import Matcher, VcrSettings

_SHORT = ("method", "scheme", "host", "port", "path")


class Describer:
    """Describes requests, recorded and live ones alike, with and without their secrets."""

    def __init__(self, redactor: Redactor) -> None:
        port: Any = SimpleNamespace(redactor=redactor)
        self.no_secrets = NoSecrets(redactor)
        self._redactor = redactor
        self._hidden = Exchange(port)
        self._plain = Exchange(port, secrets=NoSecrets)

    def secrets(self, request: HttpRequest) -> Secrets:
        """Return the secrets that the response to a request may repeat."""
        secrets = Secrets(self._redactor, self._redactor.issued)
        headers = VcrHeaders(text_pairs(request.headers))
        _, body = describe_body(request.body, headers.get("content-type"), headers.get("content-encoding"))
        secrets.learn_request(request.url, text_pairs(request.headers), body)
        return secrets

    def issue(self, values: set[str]) -> None:
        """Take values for secrets from now on, in all requests."""
        self._redactor.issued |= values

    def issue_sensitive(self, values: set[str]) -> None:
        """Take those of the suite's own secrets that occur nowhere by chance for secrets from now on."""
        secrets = Secrets(self._redactor)
        for value in values:
            secrets.add(value)
        self.issue(secrets.values)

    def call(self, request: HttpRequest) -> ClientCall | None:
        """Return the call that a request is, without secrets. None if its URL is invalid."""
        return self._hidden.describe(request)

    def version(self, *, plain: bool) -> int:
        """Return a number that changes when requests are described in another way: a server has issued a secret."""
        return -1 if plain else len(self._redactor.issued)

    def parts(self, request: HttpRequest, *, plain: bool) -> dict[str, Any]:
        """Return the parts of a request; empty if its URL is invalid. With `plain`, its secrets count."""
        call = (self._plain if plain else self._hidden).describe(request)
        return {} if call is None else {**call.parts, "raw_body": request.body}


class RecordedRequest:
    """One entry of a cassette, as it is compared and played.

    Attributes:
        exchange: The entry.
        request: Its request, after the filters of the settings.
        label: The file, for messages.
        test, recorded: vcrpy does not keep them.
    """

    test: None = None
    recorded: None = None

    def __init__(self, exchange: VcrExchange, request: VcrRequest, describer: Describer, label: str) -> None:
        self.exchange = exchange
        self.request = request
        self.label = label
        self._describer = describer
        self._sent = request.sent()
        self._parts: dict[int, dict[str, Any]] = {}
        self._response: dict[str, Any] | None = None

    @property
    def call(self) -> ClientCall | None:
        return self._describer.call(self._sent)

    @property
    def response(self) -> dict[str, Any]:
        """The response in our stored form, as it is in the file. Not to be changed."""
        if self._response is None:
            self._response = self.exchange.response(self._describer.no_secrets)
            # No message may show a token that it issues, wherever the application puts it.
            self._describer.issue(self.response_without_secrets()[1])
        return self._response

    def response_without_secrets(self) -> tuple[dict[str, Any], set[str]]:
        """Return the response as it would be recorded, and the secrets that it issues."""
        secrets = self._describer.secrets(self._sent)
        known = set(secrets.values)
        return self.exchange.response(secrets), secrets.values - known

    def parts(self, *, plain: bool) -> dict[str, Any]:
        version = self._describer.version(plain=plain)
        found = self._parts.get(version)
        if found is None:
            found = self._parts[version] = self._describer.parts(self._sent, plain=plain)
        return found


class RequestIndex:
    """The recorded requests of a test, by the parts that are short texts."""

    def __init__(self, entries: list[RecordedRequest], settings: VcrSettings, describer: Describer) -> None:
        self._entries = entries
        self._names = names = settings.parts
        self._functions = settings.functions.values()
        self._short = tuple(name for name in names if name in _SHORT)
        self._describer = describer
        self._places: dict[int, dict[tuple[Any, ...], list[int]]] = {}

    def matching(self, live: LiveRequest, *, plain: bool) -> list[int]:
        """Return the places of the entries for a request. With `plain`, secrets count."""
        version = self._describer.version(plain=plain)
        if version not in self._places:
            found = self._places[version] = {}
            for place, entry in enumerate(self._entries):
                found.setdefault(self._key(entry.parts(plain=plain)), []).append(place)
        candidates = self._places[version].get(self._key(live.parts(plain=plain)), ())
        return [
            place
            for place in candidates
            if live.matches(self._entries[place], self._names, plain=plain)
            and all(live.agrees(self._entries[place], function) for function in self._functions)
        ]

    def _key(self, parts: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(parts.get(name) for name in self._short)


class LiveRequest:
    """A request that a client sends, after the filters of the settings."""

    def __init__(self, request: HttpRequest, describer: Describer) -> None:
        self.sent = request
        self._describer = describer
        self._parts: dict[bool, dict[str, Any]] = {}

    def parts(self, *, plain: bool) -> dict[str, Any]:
        found = self._parts.get(plain)
        if found is None:
            found = self._parts[plain] = self._describer.parts(self.sent, plain=plain)
        return found

    def matches(self, recorded: RecordedRequest, names: tuple[str, ...], *, plain: bool) -> bool:
        """Check whether a recorded request has the same parts of these names. With `plain`, secrets count."""
        live, other = self.parts(plain=plain), recorded.parts(plain=plain)
        for name in names:
            if name == "body" or (name == "raw_body" and recorded.exchange.is_structured):
                if not self._same_body(live, other, recorded):
                    return False
            elif name == "headers":
                if not _same_headers(live.get(name, {}), other.get(name, {})):
                    return False
            elif live.get(name) != other.get(name):
                return False
        return True

    def agrees(self, recorded: RecordedRequest, function: Matcher) -> bool:
        """Check whether a matcher of the suite takes a recorded request for this one, as vcrpy asks it."""
        try:
            found = function(VcrRequest.of(self.sent), recorded.request)
        except AssertionError:
            return False
        return found is None or bool(found)

    def _same_body(self, live: dict[str, Any], other: dict[str, Any], recorded: RecordedRequest) -> bool:
        body, recorded_body = live.get("body"), other.get("body")
        if body == recorded_body:
            return True
        kind = live["headers"].get("content-type") if live else None
        if recorded.exchange.is_structured:
            return live.get("format") != "json" and _as_texts(body) == _as_texts(recorded_body)
        if kind and other and "content-type" not in other["headers"]:
            # vcrpy keeps only the headers that the caller of aiohttp gave.
            return bool(describe_body(recorded.request.sent().body, kind, None)[1] == body)
        return False


def _same_headers(live: dict[str, str], recorded: dict[str, str]) -> bool:
    """Compare headers, without those that clients add themselves. Clients also add an `Accept` if none is given."""
    names = (live.keys() | recorded.keys()) - set(VOLATILE_HEADERS)
    if "accept" not in live or "accept" not in recorded:
        names.discard("accept")
    return all(live.get(name) == recorded.get(name) for name in names)


def _as_texts(value: Any) -> Any:
    """Return the fields of a form, whose values are texts however the caller gave them."""
    if isinstance(value, dict):
        return {name: _as_texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return sorted(map(str, value)) if len(value) != 1 else str(value[0])
    return str(value)


def recorded_requests(
    exchanges: list[VcrExchange], settings: VcrSettings, describer: Describer, label: str
) -> list[RecordedRequest]:
    """Return the entries of a cassette after the filters of the settings, as vcrpy applies them when it loads one."""
    found = []
    for exchange in exchanges:
        request: VcrRequest | None = VcrRequest(
            exchange.method, exchange.uri, exchange.body or None, exchange.headers
        )
        changed: VcrExchange | None = exchange
        if settings.load_hooks:
            request, changed = _loaded(exchange, request, settings)
        if settings.filters and request is not None:
            request = settings.apply(request)
        if changed is not None and (settings.decodes or settings.response_filters):
            changed = _filtered(changed, settings)
        if request is not None and changed is not None:
            found.append(RecordedRequest(changed, request, describer, label))
    return found


def _loaded(
    exchange: VcrExchange, request: VcrRequest | None, settings: VcrSettings
) -> tuple[VcrRequest | None, VcrExchange | None]:
    """Return the request and the exchange after the hooks of loading; None for both if they drop it."""
    entry: Any = request, vcr_response(exchange)
    for hook in settings.load_hooks:
        entry = hook(*entry)
        if entry is None:
            return None, None
    return entry[0], _with_response(exchange, entry[1])


def _filtered(exchange: VcrExchange, settings: VcrSettings) -> VcrExchange | None:
    """Return an exchange with its response changed by the filters; None if they drop it."""
    response: Any = vcr_response(exchange, decodes=settings.decodes)
    for one in settings.response_filters:
        response = one(response)
        if response is None:
            return None
    return _with_response(exchange, response)


def _with_response(exchange: VcrExchange, response: Any) -> VcrExchange:
    request = {"method": exchange.method, "uri": exchange.uri}
    changed = read_entry({"request": request, "response": response}, exchange.number)
    return exchange._replace(head=changed.head, content=changed.content, is_decoded=changed.is_decoded)


def vcr_response(exchange: VcrExchange, *, decodes: bool = False) -> dict[str, Any]:
    """Return a response in vcrpy's form."""
    headers: dict[str, list[str]] = {}
    for name, value in exchange.head["headers"]:
        headers.setdefault(name, []).append(value)
    content = exchange.content
    names = {name.lower(): name for name in headers}
    if decodes and "content-encoding" in names:
        encoding = ", ".join(headers[names["content-encoding"]])
        opened = [content] if exchange.is_decoded else inflate([content], encoding)
        if opened is not None:
            content = b"".join(opened)
            del headers[names["content-encoding"]]
    status = {"code": exchange.head["status"], "message": exchange.head["reason"]}
    return {"status": status, "headers": headers, "body": {"string": content}}
