"""A fake of api.openai.com, for processes that reach it by a proxy on loopback."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import loopback
from support.loopback import Server, serving

CERTIFICATE = Path(__file__).with_name("openai.pem")


class Handler(loopback.Handler):
    """Answers a chat, through a tunnel with TLS."""

    server: ChatServer

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def do_POST(self) -> None:
        asked = json.loads(self.body())
        time.sleep(self.server.delay)
        [tea] = re.findall(r"\w+ tea", asked["messages"][-1]["content"])
        message = {"role": "assistant", "content": f"{tea.capitalize()}, at last."}
        self.json(
            {
                "id": "chatcmpl-Bx7Qd2",
                "object": "chat.completion",
                "model": asked["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {
                    "prompt_tokens": 15,
                    "completion_tokens": 6,
                    "total_tokens": 21,
                },
            }
        )


class ChatServer(Server):
    """Answers after some seconds."""

    def __init__(self, delay: float) -> None:
        super().__init__(Handler)
        self.delay = delay


@contextmanager
def proxied_chat(delay: float = 0) -> Iterator[dict[str, str]]:
    """Run the server, and yield the variables by which a process comes to it."""
    with serving(ChatServer(delay)) as server:
        yield {
            **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), server.url),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
            "SSL_CERT_FILE": str(CERTIFICATE),
        }
