"""Generated answers: an application sees the same of each, live, recorded, verified and replayed."""

from __future__ import annotations

import gzip
import json
import random
import zlib

import pytest
from support.http_drivers import DRIVERS, Ask

from clients.http.four_ways import same

VALUES = [
    None,
    True,
    0,
    2**70,
    -0.0,
    1e22,
    "",
    "é日",
    'a\n"b\\',
    "\u2028\0",
    "x" * 3_000,
    [1],
    {"$a": 1},
]
LAYOUTS = [
    {},
    {"separators": (",", ":")},
    {"indent": 2},
    {"indent": 3},
    {"separators": (", ", " : ")},
]
LINES = [
    'data: {"a": 1}',
    'data: {"a":1}',
    "data:y",
    "data",
    "event: m",
    "id: 3",
    ": a comment",
    "data: [DONE]",
]
TYPES = {
    "json": [
        "application/json",
        "application/problem+json; charset=utf-8",
        "text/plain",
        "",
    ],
    "events": ["text/event-stream"],
    "lines": ["application/x-ndjson", "application/json"],
    "text": ["text/html; charset=latin-1", "text/css; charset=nobody", ""],
    "bytes": ["image/png", "application/octet-stream", ""],
}
HEADERS = (
    ["X-A", "x-a", "X-B", "Vary", "ETag", "Link"],
    ["1", "", "a=b; c", "\xe9t\xe9", 'W/"abc"', "  s p "],
)
REASONS = ["OK", "", "Very Odd", "caf\xe9"]
STATUSES = [200, 200, 200, 201, 204, 206, 299, 304, 404, 422, 503, 599]
PACKED = {
    "": bytes,
    "identity": bytes,
    "x-unknown": bytes,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "deflate": zlib.compress,
}  # fmt: skip


def content(chance, kind):
    """Return a body of a kind."""
    some = chance.choices(VALUES, k=chance.randrange(4))
    if kind == "json":
        value = {f"k{place}": one for place, one in enumerate(some)}
        is_ascii, layout = chance.random() < 0.5, chance.choice(LAYOUTS)
        text = json.dumps(value, ensure_ascii=is_ascii, **layout)
        return (
            chance.choice(["", "", " "]) + text + chance.choice(["", "\n", "\r\n"])
        ).encode()
    if kind == "events":
        end = chance.choice(["\n", "\n", "\r\n"])
        blocks = [chance.choices(LINES, k=2) for _ in some]
        return "".join(end.join(lines) + 2 * end for lines in blocks).encode()
    if kind == "lines":
        layout = chance.choice(LAYOUTS[:2])
        return "\n".join(
            [json.dumps(one, **layout) for one in some]
            + chance.choice([[], [""], ["x"]])
        ).encode()
    return chance.choice(
        [
            b"<b>h\xe9</b>",
            "é".encode(),
            b"a\r\nb\r",
            b"[1,2",
            b"null",
            b"",
            bytes(range(256)),
        ]
    )


def made_by(chance, *, is_packed):
    """Return an answer as it comes over the network."""
    kind = chance.choice([*TYPES])
    encoding = chance.choice([*PACKED]) if is_packed else ""
    status, version = chance.choice(STATUSES), chance.choice(["1.1", "1.1", "1.0"])
    headers = [
        (chance.choice(HEADERS[0]), chance.choice(HEADERS[1]))
        for _ in range(chance.randrange(4))
    ]
    headers += [
        ("Content-Type", chance.choice(TYPES[kind])),
        ("Content-Encoding", encoding),
    ]
    data = PACKED[encoding](content(chance, kind)) if status not in (204, 304) else b""
    framing = chance.choice(
        ["length", "chunks", "end"] if version == "1.1" else ["length", "end"]
    )
    if framing == "length":
        headers.append(("Content-Length", str(len(data))))
    elif framing == "chunks" and status not in (204, 304):
        headers.append(("Transfer-Encoding", "chunked"))
        pieces = [data[start : start + 7] for start in range(0, len(data), 7)]
        data = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in [*pieces, b""])
    given = [
        f"{name}: {value}"
        for name, value in headers
        if value or name.startswith(("X", "x"))
    ]
    head = "\r\n".join(
        [
            f"HTTP/{version} {status} {chance.choice(REASONS)}",
            *given,
            "Connection: close",
            "",
            "",
        ]
    )
    return head.encode("latin-1") + data


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def driver(request):
    """The client under test."""
    return request.param


@pytest.fixture
def line(driver):
    """The line of the client."""
    return driver.line


@pytest.mark.parametrize("seed", range(25))
def test_an_application_sees_the_same(driver, runs, server, seed):
    server.raw = made_by(random.Random(seed), is_packed=driver.decodes)

    def talk(url):
        [answer] = driver.talk(url, Ask("/raw"))
        of_network = {"content-length", "transfer-encoding", "connection"}
        headers = [one for one in answer.headers if one[0].lower() not in of_network]
        return [answer.status, answer.reason, sorted(headers), answer.body]

    same(runs, server, talk)
