"""The requests that each HTTP client makes, and the answers that they get."""

from shop_server import URL

# method, URL, arguments of the client, status, text
REQUESTS = [
    ("GET", f"{URL}/items?page=2&sort=price", {}, 200, None),
    ("GET", f"{URL}/page", {}, 200, "<p>Grüße</p>"),
    ("GET", f"{URL}/packed", {}, 200, '{\n "n": 1\n}'),
    ("GET", f"{URL}/nothing", {}, 404, ""),
    ("POST", f"{URL}/items", {"json": {"b": 1, "a": [None, 2.5]}}, 201, '{"ok": true}'),
    ("POST", f"{URL}/items", {"data": {"name": "pen", "password": "hunter2"}}, 201, '{"ok": true}'),
    ("POST", f"{URL}/items", {"data": b"\xff\x00binary"}, 201, '{"ok": true}'),
]
PICTURE = (f"{URL}/picture", bytes(range(256)))
EVENTS = (f"{URL}/events", b'data: {"n": 1}\n\ndata: [DONE]\n\n')
