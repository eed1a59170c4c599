"""The responses of botocore's own HTTP session, which is built on urllib3."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_mimic._clients.http.answer import load_response
from pytest_mimic._clients.http.urllib3_response import VERSIONS, read_watched, response_parts, watch
from pytest_mimic._clients.http.wire import parsed_response
from pytest_mimic._core.outcome.families import ExceptionFamily

if TYPE_CHECKING:
    from pytest_mimic._clients.aws.aws_exchange import Attempt
    from pytest_mimic._clients.http.recorder import ExchangeRecorder
    from pytest_mimic._core.seam.sync_async import Steps

# The object that an exception of urllib3 names first, which differs from run to run.
_OBJECT = re.compile(r"^(?:<[^>]* object at 0x[0-9a-f]+>|\w+\(host=[^)]*\)): ")


class BotocoreErrors(ExceptionFamily):
    """The exceptions that botocore raises if a request got no response. `load` needs the `url`."""

    modules: ClassVar[Mapping[str, str]] = {"botocore": "botocore.exceptions"}

    def name(self, error: BaseException) -> str | None:
        is_of_network = isinstance(error, sys.modules["botocore.exceptions"].HTTPClientError)
        return self.class_name(type(error)) if is_of_network else None

    def fields(self, error: Any) -> dict[str, Any]:
        found = {"message": _OBJECT.sub("", str(error.kwargs.get("error", "")))}
        proxy = error.kwargs.get("proxy_url")
        return found if proxy is None else {**found, "proxy": str(proxy)}

    def make(self, cls: type[Exception], stored: Mapping[str, Any], **context: Any) -> Exception:
        make: Any = cls
        error: Exception = make(
            endpoint_url=context["url"], error=stored["message"], proxy_url=stored.get("proxy"), request=None
        )
        return error


ERRORS = BotocoreErrors()


def replay(attempt: Attempt) -> Steps:
    """Return the recorded response."""
    yield from ()  # nothing to wait for, unlike in async sessions
    return _replayed(attempt, attempt.step.outcome())


def run(attempt: Attempt, sign: Callable[[], Steps]) -> Steps:
    """Send a request for real, and return its response; to verify, the recorded one."""
    recorder, step = attempt.recorder, attempt.step
    assert recorder is not None
    with recorder.recording_errors(ERRORS.store), step.running():
        yield from sign()
        response = attempt.session.send(attempt.request)
        _record(response, attempt.request, recorder)
        if step.mode == "run":
            return response
    return _replayed(attempt, recorder.recorded())


def _record(response: Any, request: Any, recorder: ExchangeRecorder) -> None:
    """Record a response; one whose body is a stream when it is read."""
    raw = response.raw
    if request.stream_output and not watch(raw, recorder):
        if recorder.is_verifying:
            read_watched(raw, recorder)
        return
    recorder.start(raw.status, raw.reason, VERSIONS.get(raw.version, "HTTP/1.1"), raw.headers.items())
    recorder.chunks.append(response.content)
    recorder.complete()


def _replayed(attempt: Attempt, plain: dict[str, Any]) -> Any:
    """Return a recorded response as botocore makes it, or raise the recorded exception."""
    request = attempt.request
    _read_body(request.body)
    if "status" not in plain:
        raise ERRORS.load(plain["error"], url=request.url)
    answer = load_response(plain, request.method)
    body = parsed_response(answer, request.method, attempt.step.exhausted)
    raw = sys.modules["urllib3"].HTTPResponse(
        **response_parts(answer, body, body), enforce_content_length=False, request_method=request.method
    )
    response = sys.modules["botocore.awsrequest"].AWSResponse(request.url, raw.status, raw.headers, raw)
    if not request.stream_output:
        _ = response.content  # botocore reads it now, too
    return response


def _read_body(body: Any) -> None:
    """Read the body of a request to its end, as sending does: files have callbacks that show the progress."""
    if hasattr(body, "read"):
        while body.read(65536):
            pass
