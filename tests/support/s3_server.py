"""An S3 server on loopback, and buckets in it: moto's, which honours conditional writes."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from support.aws_server import running_moto

_numbers = count()
# They must never be part of a message.
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE4711", "AWS_SECRET_ACCESS_KEY": "drowssap4711"}


class S3Server:
    """A running server.

    Attributes:
        url: The endpoint.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def new_bucket(self) -> str:
        """Make an empty bucket and return its name."""
        name = f"bucket-{next(_numbers)}"
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/{name}", method="PUT"), timeout=60).close()
        return name

    def environment(self, url: str = "") -> dict[str, str]:
        """Return the variables with which obstore finds the server; or one in front of it, at `url`."""
        return {**KEYS, "AWS_ENDPOINT_URL": url or self.url, "AWS_REGION": "us-east-1"}


@contextmanager
def running_s3() -> Iterator[S3Server]:
    """Return a running server."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would log each request
    with running_moto() as url:
        yield S3Server(url)
