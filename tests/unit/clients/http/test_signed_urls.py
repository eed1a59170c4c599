"""Of a signed URL or form only the names of its scheme are left out, and what it asks for counts."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest

from pytest_mimic._clients.http.exchange import Exchange, HttpAdapter, HttpRequest
from pytest_mimic._clients.http.signed_urls import SCHEMES
from unit.clients.runs import Runs


def identity(query: dict[str, str]) -> object:
    runs = Runs(HttpAdapter("client"))
    url = f"http://shop.test/b/key?{urlencode(query)}"
    call = Exchange(runs.port).describe(HttpRequest("GET", url, (), b""))
    assert call is not None
    return call.parts.get("query")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_signature_of_a_scheme_is_the_same_request(scheme: str) -> None:
    names = sorted(SCHEMES[scheme].together | SCHEMES[scheme].others)
    signed = [
        {"versionId": "3", **{name: f"{name}-{run}" for name in names}} for run in "12"
    ]

    assert identity(signed[0]) == identity(signed[1]) == {"versionId": "3"}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_part_beside_a_signature_is_another_request(scheme: str) -> None:
    names = sorted(SCHEMES[scheme].together)
    signature = dict.fromkeys(names, "x")

    for data in ({"versionId": "4"}, {"startTime": "1795610776"}, {"date": "today"}):
        assert identity({"versionId": "3", **signature}) != identity(
            {"versionId": "3", **data, **signature}
        )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_names_of_a_scheme_count_without_its_signature(scheme: str) -> None:
    names = sorted(SCHEMES[scheme].others - {"x-amz-security-token"})
    if not names:
        names = ["expires"]

    assert identity({names[0]: "a", "q": "1"}) is not None
    assert set(identity({names[0]: "a", "q": "1"})) == {names[0], "q"}  # type: ignore[call-overload]


def test_a_signature_alone_leaves_out_itself_the_nonce_and_a_timestamp_of_today() -> (
    None
):
    now = time.time()
    signed = {"symbol": "BTC", "startTime": "1795610776", "endTime": "1795610800"}

    first = identity(
        {**signed, "timestamp": f"{now * 1000:.0f}", "nonce": "1", "signature": "a"}
    )
    second = identity(
        {**signed, "timestamp": f"{now - 60:.0f}", "nonce": "2", "signature": "b"}
    )

    assert first == second == signed


def test_a_timestamp_of_another_day_counts() -> None:
    past = identity({"timestamp": "1500000000", "signature": "a"})

    assert past == {"timestamp": "1500000000"}


@pytest.mark.parametrize(
    "query",
    [
        {"sv": "5", "se": "north"},
        {"Expires": "never", "Signature-Type": "none"},
        {"policy": "open", "expires": "soon"},
        {"token": "abc", "expires": "soon"},
        {"nonce": "1", "timestamp": "1795610776"},
    ],
)
def test_without_a_signature_all_counts(query: dict[str, str]) -> None:
    counted = identity(query)

    assert isinstance(counted, dict)
    assert counted.keys() == query.keys()
