"""Of a signed URL or form only the names of its scheme are left out, and what it asks for counts."""

from __future__ import annotations

import time
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import pytest

from pytest_mimic._clients.http.http_calls import HttpAdapter, HttpRequest, RequestTaker
from pytest_mimic._clients.http.urls import SIGNING_SCHEMES
from unit.clients.runs import Runs


def identity(query: dict[str, str]) -> object:
    return parts_of(f"http://shop.test/b/key?{urlencode(query)}").get("query")


def parts_of(url: str, form: dict[str, str] | None = None) -> dict[str, object]:
    """Return the parts of a request that count."""
    runs = Runs(HttpAdapter("client"))
    headers: tuple[tuple[str, str], ...] = ()
    body = urlencode(form or {}).encode()
    if form:
        headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    method = "POST" if form else "GET"
    call = RequestTaker(runs.port).describe(HttpRequest(method, url, headers, body))
    assert call is not None
    return {name: call.parts[name] for name in call.identity if name in call.parts}


@pytest.mark.parametrize("scheme", SIGNING_SCHEMES)
def test_another_signature_of_a_scheme_is_the_same_request(scheme: str) -> None:
    names = sorted(SIGNING_SCHEMES[scheme].together | SIGNING_SCHEMES[scheme].others)
    signed = [
        {"versionId": "3", **{name: f"{name}-{run}" for name in names}} for run in "12"
    ]

    assert identity(signed[0]) == identity(signed[1]) == {"versionId": "3"}


@pytest.mark.parametrize("scheme", SIGNING_SCHEMES)
def test_another_part_beside_a_signature_is_another_request(scheme: str) -> None:
    names = sorted(SIGNING_SCHEMES[scheme].together)
    signature = dict.fromkeys(names, "x")

    for data in ({"versionId": "4"}, {"startTime": "1795610776"}, {"date": "today"}):
        assert identity({"versionId": "3", **signature}) != identity(
            {"versionId": "3", **data, **signature}
        )


@pytest.mark.parametrize("scheme", SIGNING_SCHEMES)
def test_names_of_a_scheme_count_without_its_signature(scheme: str) -> None:
    names = sorted(SIGNING_SCHEMES[scheme].others - {"x-amz-security-token"})
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


@pytest.fixture(scope="module")
def signers() -> dict[str, Any]:
    """What botocore signs, by its version of signatures; each takes a key and seconds."""
    session = pytest.importorskip("botocore.session").get_session()
    config = pytest.importorskip("botocore.config").Config
    cloudfront = pytest.importorskip("botocore.signers").CloudFrontSigner

    def of_s3(version: str) -> tuple[Any, Any]:
        client = session.create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url="http://shop.test",
            aws_access_key_id="AK",
            aws_secret_access_key="SK",
            config=config(signature_version=version, s3={"addressing_style": "path"}),
        )

        def url(key: str, seconds: int) -> dict[str, object]:
            place = {"Bucket": "b", "Key": key}
            made = client.generate_presigned_url("get_object", place, seconds)
            return parts_of(made)

        def form(key: str, seconds: int) -> dict[str, object]:
            made = client.generate_presigned_post("b", key, ExpiresIn=seconds)
            return parts_of(made["url"], made["fields"])

        return url, form

    signer = cloudfront("K1", lambda message: sha256(message).digest())

    def by_date(key: str, seconds: int) -> dict[str, object]:
        until = datetime(2030, 1, 1, second=seconds)
        made = signer.generate_presigned_url(f"http://shop.test/{key}", until)
        return parts_of(made)

    def by_policy(key: str, seconds: int) -> dict[str, object]:
        url = f"http://shop.test/{key}"
        policy = signer.build_policy(url, datetime(2030, 1, 1, second=seconds))
        return parts_of(signer.generate_presigned_url(url, policy=policy))

    return {
        **dict(zip(("v2", "form of v2"), of_s3("s3"))),
        **dict(zip(("v4", "form of v4"), of_s3("s3v4"))),
        "CloudFront": by_date,
        "CloudFront with a policy": by_policy,
    }


@pytest.mark.parametrize(
    "name",
    [
        *("v2", "form of v2", "v4", "form of v4"),
        *("CloudFront", "CloudFront with a policy"),
    ],
)
def test_what_botocore_signs_twice_is_one_request(
    signers: dict[str, Any], name: str
) -> None:
    sign = signers[name]

    assert sign("a", 10) == sign("a", 20)
    assert sign("a", 10) != sign("b", 10)
