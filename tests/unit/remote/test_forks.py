"""A bucket in a forked child, where obstore's own threads are gone."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._remote.bucket import Bucket
from pytest_mimic.errors import RemoteError

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]


def in_child(act: Callable[[], object]) -> Any:
    """Return the result of an action in a forked child, or raise its exception."""
    back, to = os.pipe()
    child = os.fork()
    if not child:
        try:
            signal.alarm(120)  # a child that hangs must end
            try:
                result = act()
            except BaseException as error:
                result = error
            os.write(to, pickle.dumps(result))
        finally:
            os._exit(0)
    os.close(to)
    with open(back, "rb") as file:
        result = pickle.loads(file.read())
    os.waitpid(child, 0)
    if isinstance(result, BaseException):
        raise result
    return result


def test_forked_child_reads_and_writes(bucket: Bucket, tmp_path: Path) -> None:
    """Each method works in a child of a process that has made requests."""
    bucket.put("state/a", b"1")
    list(bucket.get_many(["state/a", "state/b"]))
    (tmp_path / "source").write_bytes(b"from a file")

    def act() -> list[object]:
        bucket.upload("objects/1", str(tmp_path / "source"))
        bucket.download("state/a", str(tmp_path / "copy"))
        bucket.put("state/b", b"2")
        return [
            bucket.create("state/a", b"3"),
            bucket.create("state/c", b"x" * 3_000_000),
            dict(bucket.get_many(["state/a", "state/b", "state/d"])),
            [key for key, _, _ in bucket.list("")],
            bucket.size("state/c"),
            bucket.delete(["state/a"]),
        ]

    seen = in_child(act)

    keys = ["objects/1", "state/a", "state/b", "state/c"]
    assert seen == [False, True, {"state/a": b"1", "state/b": b"2", "state/d": None}, keys, 3_000_000, None]
    assert (tmp_path / "copy").read_bytes() == b"1"
    assert [key for key, _, _ in bucket.list("")] == ["objects/1", "state/b", "state/c"]


def test_threads_and_children_of_a_forked_child(bucket: Bucket) -> None:
    """Threads of a child share one bucket, and a child of a child has its own way to it."""
    bucket.put("a", b"1")

    def act() -> object:
        with ThreadPoolExecutor(8) as pool:
            created = list(pool.map(lambda number: bucket.create("b", b"%d" % number), range(8)))
        return created.count(True), in_child(lambda: bucket.create("c", b"2")), bucket.get("c")

    assert in_child(act) == (1, True, b"2")


def test_error_in_a_forked_child_is_the_same(s3_url: str) -> None:
    """An error arrives with its text and its reason."""
    from pytest_mimic._remote.place import parse_place

    bucket = Bucket(parse_place("s3://not-there/vault"))

    with pytest.raises(RemoteError, match="there is no bucket not-there") as caught:
        in_child(lambda: bucket.list("state/"))

    assert caught.value.reason == "no bucket"


def test_forked_child_has_no_more_children_than_its_own(bucket: Bucket) -> None:
    """A child that waits for all of its children does not wait for the process that makes requests."""
    bucket.put("a", b"1")

    def act() -> object:
        bucket.get("a")
        return os.wait()

    with pytest.raises(ChildProcessError):
        in_child(act)


def open_files() -> set[int]:
    found = set()
    for file in range(3, 256):
        with suppress(OSError):
            os.fstat(file)
            found.add(file)
    return found


def test_a_forked_child_may_close_all_files(bucket: Bucket, tmp_path: Path) -> None:
    """As one that becomes a daemon does. Its next files have the same numbers, and are left alone."""
    bucket.put("a", b"1")

    def act() -> object:
        before = open_files()
        bucket.get("a")
        for file in open_files() - before:
            os.close(file)
        with (tmp_path / "one").open("w") as one, (tmp_path / "two").open("w") as two:
            found = bucket.get("a")
            one.write("one")
            two.write("two")
        return found

    assert in_child(act) == b"1"
    assert [(tmp_path / name).read_text() for name in ("one", "two")] == ["one", "two"]


def test_the_end_of_the_process_that_makes_requests_is_an_error(bucket: Bucket) -> None:
    """The next request starts another one."""
    bucket.put("a", b"1")

    def act() -> object:
        before = open_files()
        bucket.get("a")
        for file in open_files() - before:
            with suppress(OSError):  # one is there to be read
                os.write(file, bytes(8))  # an empty message, which ends it
        with pytest.raises(RemoteError, match=r"the process that makes the requests .* ended") as caught:
            bucket.get("a")
        return caught.value.reason, bucket.get("a")

    assert in_child(act) == ("failed", b"1")


def test_an_interrupted_request_leaves_no_answer_for_the_next_one(bucket: Bucket) -> None:
    bucket.put("a", b"1" * 1_000_000)
    bucket.put("b", b"2")

    def read_on() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        while bucket.get("a"):
            pass

    def act() -> object:
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        bucket.get("a")
        with pytest.raises(KeyboardInterrupt):
            read_on()
        signal.alarm(120)
        return bucket.get("b")

    assert in_child(act) == b"2"


def test_environment_of_the_start_counts(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that changes the environment before it forks does not change the place."""
    bucket.put("a", b"1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")

    assert in_child(lambda: bucket.get("a")) == b"1"
