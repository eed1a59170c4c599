"""The process that makes the requests of a forked child."""

from __future__ import annotations

import os
from contextlib import suppress
from signal import SIG_IGN, SIGINT, signal

from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.forked import receive, send
from pytest_mimic.errors import MimicError


def main() -> None:
    """Answer the messages on the standard input until the forked child ends."""
    if os.fork():  # before any request: nothing of obstore runs yet
        os._exit(0)
    signal(SIGINT, SIG_IGN)  # it is meant for the child
    with suppress(OSError, EOFError):
        place, timeout = receive(0)
        bucket = Bucket(place, timeout=timeout)
        while True:
            name, args, kwargs = receive(0)
            try:
                answer = True, getattr(bucket, name)(*args, **kwargs)
            except MimicError as error:
                answer = False, error
            send(1, answer)
