"""What stands in the vault for one request and its answer, as JSON to be looked through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pytest_mimic.clients.http import answers, requests
from pytest_mimic.clients.http.adapter import HttpAdapter
from pytest_mimic.secrets.issued import Secrets, SecretScope
from pytest_mimic.secrets.placeholders import mark_of
from pytest_mimic.values.labels import call_label

Headers = tuple[tuple[str, str], ...]


def stored_http(
    *,
    target: str = "/in",
    method: str = "POST",
    headers: Headers = (),
    body: str = "",
    type_: str = "text/plain",
    answer: str = "{}",
    answer_headers: Headers = (),
    answer_type: str = "application/json",
    redact: Sequence[str] = (),
    status: int = 200,
) -> str:
    """Return the JSON text of a call with this request and this answer."""
    adapter, secrets, scope = HttpAdapter(), Secrets(redact, {}), SecretScope()
    url = target if "://" in target else f"https://shop.test{target}"
    sent_headers = (("Content-Type", type_), *headers)
    sent = requests.read(method, url, sent_headers, body.encode())
    given_headers = (("Content-Type", answer_type), *answer_headers)
    given = answers.Head(status, "OK", given_headers).read([answer.encode()])
    request = secrets.hide_request(sent, scope, hide=adapter.hide_request)

    def hide(redactor: Any, answer: Any, stand_in: Any) -> Any:
        return adapter.hide_answer(redactor, answer, stand_in, request)

    hidden = secrets.hide_answer(given, scope, mark_of("", "call"), hide=hide)
    label = call_label(adapter.kind, request, signature=adapter.signature(request))
    return json.dumps([request, hidden, label], ensure_ascii=False)


def documents_of(text: str) -> Iterator[Any]:
    """Yield the JSON documents that stand one after another in a text."""
    decoder = json.JSONDecoder()
    text = text.strip()
    while text:
        document, end = decoder.raw_decode(text)
        yield document
        text = text[end:].strip()


def parts_of(tree: Any) -> Iterator[Any]:
    """Yield a tree and all parts of it, keys too."""
    yield tree
    if isinstance(tree, dict):
        yield from tree
        for part in tree.values():
            yield from parts_of(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from parts_of(part)


def holds(text: str, part: Any) -> bool:
    """Return whether a part stands in the stored JSON as it is."""
    return any(
        part == one for document in documents_of(text) for one in parts_of(document)
    )


def texts_in(text: str) -> str:
    """Return all texts of the stored JSON, one a line, without the escapes of JSON."""
    parts = [one for document in documents_of(text) for one in parts_of(document)]
    return "\n".join(one for one in parts if isinstance(one, str))
