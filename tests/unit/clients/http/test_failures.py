"""Errors of the network keep their kind, and come back as the exception of the client that asks."""

from __future__ import annotations

import http.client
import socket
import ssl

import pytest

from pytest_mimic._clients.http.failures import (
    exception_name,
    store_failure,
    system_error,
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "refused"),
        (socket.gaierror(-2, "Name or service not known"), "name"),
        (OSError(101, "Network is unreachable"), "unreachable"),
        (ConnectionResetError(104, "Connection reset by peer"), "closed"),
        (TimeoutError("timed out"), "writing"),
        (http.client.RemoteDisconnected("Remote end closed connection"), "closed"),
        (http.client.BadStatusLine("junk"), "malformed"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "tls"),
    ],
)
def test_an_error_of_the_system_comes_back(error: Exception, kind: str) -> None:
    stored = store_failure(error, "writing")
    assert stored is not None

    again = system_error(stored)

    assert stored["type"] == kind
    assert isinstance(
        again, OSError if kind != "malformed" else http.client.HTTPException
    )
    assert getattr(again, "errno", None) == (
        1 if kind == "tls" else getattr(error, "errno", None)
    )
    assert str(error) in str(again)


def test_what_is_no_error_of_the_network_is_no_outcome() -> None:
    assert store_failure(ValueError("no url"), "reading") is None


def test_a_client_raises_its_own_exception_of_the_kind() -> None:
    httpx = pytest.importorskip("httpx", reason="httpx is not installed")
    own = store_failure(httpx.WriteTimeout("late"), "reading")
    try:
        raise httpx.ConnectError("cannot connect") from ConnectionRefusedError(
            111, "Connection refused"
        )
    except httpx.ConnectError as error:
        refused = store_failure(error, "reading")
    foreign = {"type": "reading", "class": "SocketTimeoutError", "message": ""}

    assert own is not None
    assert refused is not None
    assert exception_name(own, "httpx", httpx) == "WriteTimeout"
    assert (refused["type"], refused["message"]) == ("refused", "cannot connect")
    assert exception_name(foreign, "httpx", httpx) == "ReadTimeout"
    assert (
        exception_name({**foreign, "type": "proxy"}, "aiohttp", None)
        == "ClientHttpProxyError"
    )


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (http.client.LineTooLong("header line"), "malformed"),
        (http.client.HTTPException("got more than 100 headers"), "malformed"),
        (
            OSError("Tunnel connection failed: 407 Proxy Authentication Required"),
            "proxy",
        ),
    ],
)
def test_an_error_of_parsing_keeps_its_class_and_text(
    error: Exception, kind: str
) -> None:
    stored = store_failure(error, "reading")
    assert stored is not None

    again = system_error(stored)

    assert stored["type"] == kind
    assert (type(again), str(again)) == (type(error), str(error))


def test_a_mistake_of_the_caller_is_no_outcome() -> None:
    assert store_failure(http.client.CannotSendRequest(), "writing") is None


def test_a_recording_names_no_function_of_ssl_as_an_error() -> None:
    edited = {"type": "tls", "class": "get_server_certificate", "message": "bad"}

    assert type(system_error(edited)) is ssl.SSLCertVerificationError
