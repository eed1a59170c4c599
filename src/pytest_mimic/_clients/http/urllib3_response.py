"""Responses of urllib3 for the clients that are built on it: recorded while they are read, and made of recorded bytes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.wire import RecordedFile

if TYPE_CHECKING:
    from pytest_mimic._clients.http.answer import StoredResponse
    from pytest_mimic._clients.http.recorder import ExchangeRecorder

VERSIONS = {9: "HTTP/0.9", 10: "HTTP/1.0", 11: "HTTP/1.1", 20: "HTTP/2"}
_NUMBERS = {text: number for number, text in VERSIONS.items()}


def watch(raw: Any, recorder: ExchangeRecorder) -> bool:
    """Let the recorder see the body of a real response when it is read, and return whether it cannot."""
    original: Any = getattr(raw, "_original_response", None)
    file = getattr(original, "fp", None)
    # Without a file of the standard library, the body is known when the response has read it.
    is_unseen = not hasattr(original, "fp")
    version = VERSIONS.get(getattr(raw, "version", 11), "HTTP/1.1")
    recorder.start(raw.status, raw.reason, version, raw.headers.items(), decoded=is_unseen)
    if file is not None:
        original.fp = RecordedFile(file, recorder, chunked=bool(raw.chunked), length=original.length)
    elif not is_unseen:
        recorder.complete()
    return is_unseen


def read_watched(raw: Any, recorder: ExchangeRecorder, *, is_unseen: bool = False) -> None:
    """Read of a real response what the recording has, to compare it."""
    # The data arrives as it is recorded only if nobody decodes it.
    data = raw.read(recorder.wanted, decode_content=is_unseen)
    if is_unseen:
        recorder.chunks.append(data)
        recorder.complete()
    if recorder.done:
        raw.release_conn()
    else:
        raw.close()


def response_parts(answer: StoredResponse, body: Any, original: Any) -> dict[str, Any]:
    """Return arguments of urllib3's response, which leaves the body to its reader."""
    return {
        "body": body,
        "headers": sys.modules["urllib3.response"].HTTPHeaderDict(answer.headers),
        "status": answer.status,
        "version": _NUMBERS.get(answer.version, 11),
        "reason": answer.reason,
        "preload_content": False,
        "decode_content": False,
        "original_response": original,
    }
