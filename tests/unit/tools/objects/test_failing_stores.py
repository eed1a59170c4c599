"""A store that fails: the request succeeds later, or ends in a clear error; never in a part of the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.failing_proxy import FailingProxy

from pytest_mimic._core.object_place import parse_place
from pytest_mimic._tools.objects import bucket as buckets
from pytest_mimic._tools.objects.bucket import Bucket
from pytest_mimic.errors import RemoteError

DATA = b"x" * 5_000
Act = Callable[[Bucket, Path], object]
ACTS: dict[str, Act] = {
    "size": lambda bucket, _: bucket.size("a"),
    "download": lambda bucket, path: bucket.download("a", path) and path.read_bytes(),
    "create": lambda bucket, _: bucket.create("b", DATA) or "there",
}
RESULTS = {"size": (len(DATA),), "download": (DATA,), "create": (True, "there")}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, in seconds, which are not waited for."""
    found: list[float] = []
    monkeypatch.setattr(buckets, "sleep", found.append)
    return found


@pytest.fixture
def bucket(proxy: FailingProxy, s3_url: str, pauses: list[float], tmp_path: Path) -> Bucket:
    """A bucket behind the proxy, with one object."""
    bucket = Bucket(parse_place(s3_url, tmp_path))
    bucket.create("a", DATA)
    proxy.forget()
    return bucket


@pytest.mark.promise(
    "a request to a store that fails is repeated, and its error names object, reason and remedy without credentials"
)
@pytest.mark.parametrize(
    ("how", "number"), [("reset", 3), ("lost", 3), ("truncate", 3), ("500", 9), ("503", 9)]
)
@pytest.mark.parametrize("act", ACTS)
def test_a_failed_request_is_repeated(
    bucket: Bucket, proxy: FailingProxy, tmp_path: Path, how: str, number: int, act: str
) -> None:
    """A write whose answer was lost is done, too."""
    proxy.fail(how, number=number)

    assert ACTS[act](bucket, tmp_path / "copy") in RESULTS[act]

    proxy.heal()
    assert bucket.size("b") in (None, len(DATA))


@pytest.mark.promise("a throttled store is asked ten times with growing pauses")
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_throttled_store_is_asked_ten_times(
    bucket: Bucket, proxy: FailingProxy, pauses: list[float], tmp_path: Path, act: Act
) -> None:
    proxy.fail("503", number=0)

    with pytest.raises(RemoteError, match=r"http://127\S+ answered 503( \(SlowDown\))?$"):
        act(bucket, tmp_path / "copy")

    assert len(proxy.seen) == 10
    assert pauses[:5] == sorted(pauses[:5])  # the later ones have the same limit
    assert sum(pauses) > 15


@pytest.mark.promise("a store that refuses access is asked once")
@pytest.mark.parametrize("how", ["401", "403"])
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_refusal_is_an_error_at_once(
    bucket: Bucket, proxy: FailingProxy, tmp_path: Path, how: str, act: Act
) -> None:
    proxy.fail(how, number=0)

    with pytest.raises(
        RemoteError, match=r"access is denied \(\w+\)\n  check the credentials: AWS_"
    ) as caught:
        act(bucket, tmp_path / "copy")

    assert caught.value.reason == "forbidden"
    assert len(proxy.seen) == 1


@pytest.mark.promise("a store that does not answer is an error after ten seconds")
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_hanging_store_is_given_up_after_its_first_request(
    s3_url: str,
    bucket: Bucket,
    proxy: FailingProxy,
    tmp_path: Path,
    act: Act,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(buckets, "_SLOWEST", 1e9)
    proxy.fail("hang", number=0)

    with pytest.raises(
        RemoteError, match=r"^cannot \w+ s3://.*: http://127\S+ gave no answer in time$"
    ) as caught:
        act(Bucket(parse_place(s3_url, tmp_path), timeout=0.5), tmp_path / "copy")

    assert caught.value.reason == "timeout"
    assert proxy.requests() == 1


@pytest.mark.promise(
    "a request to a store that fails is repeated, and its error names object, reason and remedy without credentials"
)
@pytest.mark.parametrize(
    ("how", "act", "reason", "message"),
    [
        ("reset", "size", "unreachable", r"read .*/a: the connection to http://127\S+ broke"),
        ("403", "create", "forbidden", r"write .*/b: access is denied \(AccessDenied\)\n  check the cred"),
        ("404", "create", "failed", r"write .*/b: http://127\S+ answered 404 \(NoSuchKey\)$"),
        ("truncate", "download", "failed", r"read .*/a: http://127\S+ did not send all of it$"),
        ("page", "size", "failed", r"read .*: what answers at http://127\S+ is not an object store$"),
        ("page", "download", "failed", r"read .*: what answers at http://127\S+ is not an object store$"),
        ("page", "create", "failed", r"write .*: what answers at http://127\S+ is not an object store$"),
    ],
)
def test_a_failure_is_an_error_in_plain_words(
    bucket: Bucket, proxy: FailingProxy, tmp_path: Path, how: str, act: str, reason: str, message: str
) -> None:
    """An error names the object, the cause and what to do; it holds no XML and no key, and no file is left."""
    proxy.fail(how, number=0)

    with pytest.raises(RemoteError, match=f"^cannot {message}") as caught:
        ACTS[act](bucket, tmp_path / "copy")

    text = str(caught.value)
    assert caught.value.reason == reason
    assert not {word for word in ("<", "4711", "signature", "Debug", "RequestId") if word in text}
    assert not (tmp_path / "copy").exists()


def test_an_absent_bucket_and_an_absent_server_are_named(
    s3_url: str, pauses: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RemoteError, match="there is no bucket not-there\n  make the bucket") as no_bucket:
        Bucket(parse_place("s3://not-there/vault", tmp_path)).check()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(
        RemoteError, match=r"http://127.0.0.1:1 cannot be reached.*\n  check.*URL$"
    ) as no_server:
        Bucket(parse_place(s3_url, tmp_path)).check()

    assert [no_bucket.value.reason, no_server.value.reason] == ["no bucket", "unreachable"]


def test_a_store_that_refuses_conditions_gets_a_plain_write(bucket: Bucket, proxy: FailingProxy) -> None:
    """It was asked before whether it has the object."""
    proxy.refuses_conditions = True

    assert bucket.create("b", DATA) is True

    assert bucket.size("b") == len(DATA)
