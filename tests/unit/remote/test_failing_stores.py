"""A store that fails: the request succeeds later, or ends in a clear error; never in a part of the data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from failing_proxy import FailingProxy, running_proxy

from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.place import parse_place
from pytest_mimic.errors import RemoteError

DATA = b"x" * 5_000
Act = Callable[[Bucket, Path], object]
READS: dict[str, Act] = {
    "get": lambda bucket, _: bucket.get("state/a") == DATA,
    "get_many": lambda bucket, _: list(bucket.get_many(["state/a"])) == [("state/a", DATA)],
    "download": lambda bucket, path: bucket.download("state/a", str(path)) and path.read_bytes() == DATA,
    "list": lambda bucket, _: [key for key, _, _ in bucket.list("state/")] == ["state/a"],
    "size": lambda bucket, _: bucket.size("state/a") == len(DATA),
}
WRITES: dict[str, Act] = {
    "create": lambda bucket, _: bucket.create("b", DATA),
    "put": lambda bucket, _: bucket.put("b", DATA),
    "upload": lambda bucket, path: path.write_bytes(DATA) and bucket.upload("b", str(path)),
    "delete": lambda bucket, _: bucket.delete(["state/a"]),
}


@pytest.fixture
def proxy(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FailingProxy]:
    """A proxy in front of the server, which the environment names instead of the server."""
    with running_proxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture
def bucket(proxy: FailingProxy, s3_url: str) -> Bucket:
    """A bucket behind the proxy, with one object."""
    bucket = Bucket(parse_place(s3_url), timeout=20)
    bucket.put("state/a", DATA)
    proxy.forget()
    return bucket


@pytest.fixture
def hanging(s3_url: str, proxy: FailingProxy) -> Bucket:
    """A bucket whose server gave no answer to the first request, and would answer now."""
    bucket = Bucket(parse_place(s3_url), timeout=0.2)
    proxy.fail("hang", number=0)
    with pytest.raises(RemoteError):
        bucket.get("state/a")
    proxy.heal()
    return bucket


@pytest.mark.promise(
    "a request to a store that fails is repeated, and its error names object, reason and remedy without credentials"
)
@pytest.mark.parametrize("how", ["reset", "lost", "truncate", "503"])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_read_is_repeated(bucket: Bucket, proxy: FailingProxy, tmp_path: Path, how: str, read: Act) -> None:
    """A read whose first answer fails gives all of the data."""
    proxy.fail(how)

    assert read(bucket, tmp_path / "copy") is True


@pytest.mark.promise(
    "a request to a store that fails is repeated, and its error names object, reason and remedy without credentials"
)
@pytest.mark.parametrize("how", ["reset", "lost", "500"])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_write_is_repeated(bucket: Bucket, proxy: FailingProxy, tmp_path: Path, how: str, write: Act) -> None:
    """A write whose first answer fails is done, also if the store had done it before."""
    proxy.fail(how)

    result = write(bucket, tmp_path / "source")

    assert result is not False
    assert [key for key, _, _ in bucket.list("")] in (["b", "state/a"], [])
    assert bucket.get("b") in (DATA, None)


def test_lost_creation_of_another_is_not_taken_for_an_own_one(bucket: Bucket, proxy: FailingProxy) -> None:
    """After a lost answer, the object that is there tells whose it is."""
    proxy.fail("lost")

    assert bucket.create("state/a", b"another") is False
    assert bucket.get("state/a") == DATA


@pytest.mark.parametrize("act", [READS["get"], WRITES["create"]], ids=["get", "create"])
def test_hanging_store_is_given_up(
    s3_url: str, bucket: Bucket, proxy: FailingProxy, tmp_path: Path, act: Act
) -> None:
    """A store without an answer is an error after the timeout."""
    proxy.fail("hang", number=0)

    with pytest.raises(
        RemoteError, match=r"^cannot \w+ s3://.*: http://127\S+ gave no answer in time$"
    ) as caught:
        act(Bucket(parse_place(s3_url), timeout=0.2), tmp_path / "copy")

    assert caught.value.reason == "timeout"


@pytest.mark.parametrize("act", [*READS.values(), *WRITES.values()], ids=[*READS, *WRITES])
def test_a_store_without_an_answer_is_asked_once(
    hanging: Bucket, proxy: FailingProxy, tmp_path: Path, act: Act
) -> None:
    """Each further request fails at once, for the same reason."""
    proxy.forget()

    with pytest.raises(RemoteError, match=r"gave no answer in time$") as caught:
        act(hanging, tmp_path / "copy")

    assert caught.value.reason == "timeout"
    assert not proxy.counts


def test_request_after_a_hanging_one_succeeds(s3_url: str, bucket: Bucket, proxy: FailingProxy) -> None:
    """One request without an answer is repeated."""
    proxy.fail("hang")

    assert Bucket(parse_place(s3_url), timeout=1).get("state/a") == DATA


@pytest.mark.promise(
    "a request to a store that fails is repeated, and its error names object, reason and remedy without credentials"
)
@pytest.mark.parametrize(
    ("how", "act", "reason", "message"),
    [
        ("reset", READS["get"], "unreachable", r"read .*/state/a: the connection to http://127\S+ broke"),
        ("reset", WRITES["create"], "unreachable", r"write .*/b: the connection to http://127\S+ broke"),
        (
            "403",
            READS["get"],
            "forbidden",
            r"read .*/state/a: access is denied \(AccessDenied\)\n  check the cred",
        ),
        (
            "403",
            READS["list"],
            "forbidden",
            r"read .*/state: access is denied \(AccessDenied\)\n  check the cred",
        ),
        (
            "403",
            WRITES["create"],
            "forbidden",
            r"write .*/b: access is denied \(AccessDenied\)\n  check the cred",
        ),
        (
            "403",
            WRITES["delete"],
            "forbidden",
            r"delete .*/state/a: access is denied \(AccessDenied\)\n  check",
        ),
        ("503", READS["get"], "failed", r"read .*/state/a: http://127\S+ answered 503 \(SlowDown\)$"),
        ("404", READS["list"], "failed", r"read .*/state: http://127\S+ answered 404 \(NoSuchKey\)$"),
        ("404", WRITES["create"], "failed", r"write .*/b: http://127\S+ answered 404 \(NoSuchKey\)$"),
        ("404", WRITES["delete"], "failed", r"delete .*/state/a: http://127\S+ answered 404 \(NoSuchKey\)$"),
        ("truncate", READS["get"], "failed", r"read .*/state/a: http://127\S+ did not send all of it$"),
        ("truncate", READS["download"], "failed", r"read .*/state/a: http://127\S+ did not send all of it$"),
        (
            "cut",
            READS["list"],
            "failed",
            r"read .*/state: what answers at http://127\S+ is not an object store$",
        ),
        ("page", READS["get"], "failed", r"read .*: what answers at http://127\S+ is not an object store$"),
        ("page", READS["list"], "failed", r"read .*: what answers at http://127\S+ is not an object store$"),
        ("page", READS["size"], "failed", r"read .*: what answers at http://127\S+ is not an object store$"),
        (
            "page",
            WRITES["create"],
            "failed",
            r"write .*: what answers at http://127\S+ is not an object store$",
        ),
    ],
)
def test_failure_is_an_error_in_plain_words(
    bucket: Bucket, proxy: FailingProxy, tmp_path: Path, how: str, act: Act, reason: str, message: str
) -> None:
    """An error names the object, the cause and what to do; it holds no XML and no key, and no file is left."""
    proxy.fail(how, number=0)

    with pytest.raises(RemoteError, match=f"^cannot {message}") as caught:
        act(bucket, tmp_path / "copy")

    text = str(caught.value)
    assert caught.value.reason == reason
    assert not {word for word in ("<", "4711", "signature", "Debug", "RequestId") if word in text}
    assert not (tmp_path / "copy").exists()


def test_absent_bucket_and_absent_server_are_named(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket that is not there, and a server that is not there, differ."""
    with pytest.raises(RemoteError, match="there is no bucket not-there\n  make the bucket") as no_bucket:
        Bucket(parse_place("s3://not-there/vault")).list("state/")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(
        RemoteError, match=r"http://127.0.0.1:1 cannot be reached.*\n  check.*URL$"
    ) as no_server:
        Bucket(parse_place(s3_url)).list("state/")

    assert [no_bucket.value.reason, no_server.value.reason] == ["no bucket", "unreachable"]


@pytest.mark.parametrize(("conditions", "expected"), [("ignore", True), ("honour", False)])
def test_store_without_conditions_is_seen(
    bucket: Bucket, proxy: FailingProxy, conditions: str, expected: bool
) -> None:
    """A store that ignores the condition creates an object twice."""
    proxy.conditions = conditions
    bucket.create("format.json", b"1")

    assert bucket.create("format.json", b"2") is expected


def test_store_that_refuses_conditions_is_named(bucket: Bucket, proxy: FailingProxy) -> None:
    """A store that answers 501 to a condition is not asked again."""
    proxy.conditions = "refuse"

    with pytest.raises(RemoteError, match=r"has no conditional writes$") as caught:
        bucket.create("format.json", b"1")

    assert caught.value.reason == "unsupported"
    assert len(proxy.seen) == 1


def test_counted_requests_are_those_that_the_server_sees(
    bucket: Bucket, proxy: FailingProxy, tmp_path: Path
) -> None:
    """A bucket's counts need no proxy: one request an operation, one a part of a large file, one for many deletions."""
    (tmp_path / "large").write_bytes(b"x" * (12 << 20))
    bucket.requests.clear()

    bucket.get("state/a")
    bucket.get("none")
    bucket.create("b", DATA)
    bucket.create("b", DATA)
    bucket.upload("large", str(tmp_path / "large"))
    bucket.download("large", str(tmp_path / "copy"))
    bucket.size("large")
    bucket.list("state/")
    bucket.list("nothing/")
    bucket.delete(["b", "large", "none"])

    assert dict(proxy.counts) == dict(bucket.requests)
    assert dict(proxy.counts) == {"get": 3, "put": 7, "head": 2, "list": 2, "delete": 1}
