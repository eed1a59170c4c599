"""A vault survives killed writers, a full disk and a limit of file size.

`MIMIC_KILLS=5000` sets the number of kills.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress

import pytest

from pytest_mimic import MimicError
from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.vault import FolderStore, Vault, recording_name
from pytest_mimic._core.vault.recording_facts import Recording

KILLS = int(os.environ.get("MIMIC_KILLS", "15"))
CALLS_PREFIX = 60

WRITER = textwrap.dedent("""
    import sys
    from ipaddress import IPv4Address
    from pytest_mimic._core.outcome.outcome import Value
    from pytest_mimic._core.vault import FolderStore, Vault, recording_name
    from pytest_mimic._core.vault.recording_facts import Recording

    PICKLED = IPv4Address("10.0.0.1")

    def value_of(number, generation):
        kinds = [
            {"n": number, "generation": generation},
            (number, generation, PICKLED),
            [generation] * 1500,
            (b"large" * 60_000, generation),
            ("shared", generation, PICKLED),
        ]
        return kinds[number % len(kinds)]

    def record(folder, generation, calls):
        vault = Vault(FolderStore(folder))
        for number in range(calls):
            stored = vault.writer.encoded(Value(value_of(number, generation)), 1.0)
            name = recording_name("shop:fetch", f"{number:032x}")
            vault.writer.write(name, [Recording("shop:fetch", None, None, None, "2026-11-02", None, [stored])])
            print(number, flush=True)
            vault.writer.delete((), candidates=vault.replaced)
            vault.replaced.clear()

    if __name__ == "__main__":
        print("ready", flush=True)
        record(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
""")


def held(folder) -> list[object]:
    """Return the value of each call's recording, or None. A wrong value is an error."""
    vault = Vault(FolderStore(folder))
    recordings = [
        vault.read(recording_name("shop:fetch", f"{number:032x}"))
        for number in range(CALLS_PREFIX)
    ]
    return [
        None if recording is None else recording.outcomes[0].load().value
        for recording in recordings
    ]


@pytest.fixture
def writer(tmp_path, monkeypatch):
    (tmp_path / "writer.py").write_text(WRITER)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield __import__("writer")
    sys.modules.pop("writer", None)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_writers_lose_no_recording_that_was_done_and_leave_none_half(
    tmp_path, writer
):
    """Two at a time. The next run completes the vault, and no leftover stays."""
    folder = tmp_path / "vault"
    chance = random.Random(KILLS)
    span = _span(tmp_path, folder)
    allowed: list[set[int | None]] = [{None} for _ in range(CALLS_PREFIX)]

    for generation in range(0, KILLS, 2):
        both = {generation, generation + 1}
        done = set[int]().union(
            *_killed(tmp_path, folder, both, chance.uniform(0, span))
        )
        for number, value in enumerate(held(folder)):
            possible = both if number in done else allowed[number] | both
            fitting = {
                g
                for g in possible
                if value == (None if g is None else writer.value_of(number, g))
            }
            assert fitting, (generation, number, value)
            allowed[number] = fitting

    for left in folder.glob(".mimic-*.tmp"):
        os.utime(left, (0, 0))
    writer.record(str(folder), KILLS, CALLS_PREFIX)
    assert held(folder) == [
        writer.value_of(number, KILLS) for number in range(CALLS_PREFIX)
    ]
    assert [path for path in folder.rglob("*") if path.name.endswith(".tmp")] == []
    vault = Vault(FolderStore(folder))
    vault.writer.delete(vault.names())
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def _span(tmp_path, folder) -> float:
    """Return how long a writer works that is not killed, in seconds."""
    process = _start(tmp_path, folder.with_name("trial"), 0)
    began = time.monotonic()
    process.communicate()
    return time.monotonic() - began


def _start(tmp_path, folder, generation) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        str(tmp_path / "writer.py"),
        str(folder),
        str(generation),
        str(CALLS_PREFIX),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def _killed(tmp_path, folder, generations, after) -> list[set[int]]:
    """Kill a writer of each generation, and return the numbers of the calls that each had recorded."""
    processes = [_start(tmp_path, folder, generation) for generation in generations]
    with suppress(subprocess.TimeoutExpired):
        processes[0].wait(after)
    for process in processes:
        process.send_signal(signal.SIGKILL)
    texts = [process.communicate()[0] for process in processes]
    return [set(map(int, text[: text.rfind("\n") + 1].split())) for text in texts]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 512 KB."""
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount a tmpfs")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)],
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip(
            f"a tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}"
        )
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(vault) -> tuple[int, str]:
    """Record until the disk is full; return the number of recordings and the error."""
    for number in range(1000):
        value = (random.Random(number).randbytes(9000), number)
        stored = vault.writer.encoded(Value(value), 1.0)
        try:
            vault.writer.write(
                recording_name("shop:fetch", f"{number:032x}"),
                [Recording("shop:fetch", None, None, None, "", None, [stored])],
            )
        except MimicError as error:
            return number, str(error)
    raise AssertionError("the disk is never full")


def test_full_disk_is_one_clear_error_and_nothing_half(small_disk):
    """Stored recordings replay. The failed ones take no space."""
    vault = Vault(FolderStore(small_disk / "vault"))

    recorded, error = fill(vault)

    assert error.startswith(f"cannot write {small_disk}/vault/")
    assert error.endswith(os.strerror(28))
    assert recorded > 10
    assert len(vault.names()) == recorded
    assert len(list(vault.store.names("objects"))) == recorded
    assert [path for path in small_disk.rglob("*") if path.name.endswith(".tmp")] == []
    for number in range(recorded):
        recording = vault.read(recording_name("shop:fetch", f"{number:032x}"))
        assert recording.outcomes[0].load().value[1] == number


def test_file_size_limit_is_one_clear_error(tmp_path):
    """As set by `ulimit -f` or a quota."""
    pytest.importorskip("resource")
    script = textwrap.dedent("""
        import random, resource, sys
        from pytest_mimic import MimicError
        from pytest_mimic._core.outcome.outcome import Value
        from pytest_mimic._core.vault import FolderStore, Vault
        from pytest_mimic._core.vault.recording_facts import Recording
        # Half of a module's bytecode would be left behind for every run after this one.
        sys.dont_write_bytecode = True
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        vault = Vault(FolderStore(sys.argv[1]))
        for size in (10_000, 200_000, 3_000_000):
            stored = vault.writer.encoded(Value((random.Random(size).randbytes(size),)), 1.0)
            name = f"calls/shop/f/{size:032x}.json"
            try:
                vault.writer.write(name, [Recording("shop:f", None, None, None, "", None, [stored])])
                print(len(vault.read(name).outcomes[0].load().value[0]))
            except MimicError as error:
                print(str(error).rpartition(": ")[2], vault.read(name))
    """)

    ran = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "v")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.splitlines() == [
        "10000",
        "File too large None",
        "File too large None",
    ]
    assert len([path for path in (tmp_path / "v").rglob("*") if path.is_file()]) == 2


def test_processes_share_one_vault(tmp_path):
    """Equal outcomes share one object, while others collect."""
    (tmp_path / "writer.py").write_text(WRITER)
    folder = tmp_path / "vault"

    processes = [_start(tmp_path, folder, 0) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=300)
        assert process.returncode == 0

    values = held(folder)
    assert [value for value in values if value is None] == []
    # Twelve values of their own, and two that are shared; the others stand in their
    # recordings.
    assert len(list(FolderStore(folder).names("objects"))) == 14
