"""The conformance tests of adapters: record, replay with the service gone, verify, drift, miss, secrets, streams, errors, threads, async.

Write a subclass in a test module, with a driver: a module of functions that call the client.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from ast import literal_eval
from collections.abc import Mapping
from contextlib import AbstractContextManager
from inspect import getfile
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest

# The tests that are recorded and replayed. `driver` is the module of the subclass; `see` keeps what the code under test got.
_TESTS = """
import asyncio
import importlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

driver = importlib.import_module(os.environ["CONFORMANCE_DRIVER"])


def see(name, value):
    with open(os.environ["CONFORMANCE_SEEN"], "a", encoding="utf-8") as file:
        file.write(json.dumps([name, repr(value)]) + "\\n")


def needs(name):
    return pytest.mark.skipif(not hasattr(driver, name), reason=f"the driver has no {name}")


def test_call():
    see("call", [driver.call("one"), driver.call("two"), driver.call("one")])


@needs("fail")
def test_error():
    with pytest.raises(Exception) as caught:
        driver.fail()
    see("error", [type(caught.value).__module__, type(caught.value).__qualname__, str(caught.value)])


@needs("stream")
def test_stream():
    see("stream", list(driver.stream("one")))


@needs("call_async")
def test_async():
    async def main():
        return await asyncio.gather(*(driver.call_async(f"async {number}") for number in range(5)))

    see("async", asyncio.run(main()))


def test_threads():
    with ThreadPoolExecutor(4) as threads:
        see("threads", list(threads.map(driver.call, [f"thread {number}" for number in range(12)])))


@needs("SECRET")
def test_secret():
    driver.send_secret()
    see("secret", driver.SECRET)


def test_new():
    driver.call("new")
"""


class _Run(NamedTuple):
    code: int
    output: str
    seen: dict[str, str]  # what the code under test got, by the name of its test


class _Life(NamedTuple):
    """All runs of the project, and the files of its vault."""

    runs: dict[str, _Run]
    vault: dict[str, bytes]

    def passed(self, name: str) -> _Run:
        run = self.runs[name]
        assert run.code == 0, run.output
        return run


class ClientConformance:
    """The tests that every adapter passes. A subclass names the line of its client, and its driver.

    The driver is a module with these functions, which call the client with the service of `serve`:

    - `call(text)` sends a request that counts by `text`, and returns what the application sees, with a plain `repr`.
    - `fail()` sends a request to which the client's answer is an exception. Optional.
    - `stream(text)` yields what the application reads of a streamed answer. Optional.
    - `call_async(text)` is `call` for the client's asynchronous side. Optional.
    - `SECRET` is a text that `send_secret()` sends under a secret name, such as `api_key`. Both optional.

    Attributes:
        line: The line of the client in `mimic_functions`, with options if need be.
        driver: The name of the driver's module, which lies beside the test module or can be imported.
    """

    line: ClassVar[str]
    driver: ClassVar[str]

    def serve(self, folder: Path) -> AbstractContextManager[Mapping[str, str]]:
        """Return a block in which the real service runs, with the environment variables by which the driver finds it.

        Called several times, with the same empty folder at the beginning. When the block ends, the service is gone.
        """
        raise NotImplementedError

    def change(self, folder: Path) -> None:
        """Let the service, which runs, answer `call("one")` otherwise from now on."""
        raise NotImplementedError

    @pytest.fixture
    def conformance(self, tmp_path_factory: pytest.TempPathFactory) -> _Life:
        """The runs of a project with the driver, which are made once for all tests of the class."""
        cls: Any = type(self)
        if "_life" not in vars(cls):
            cls._life = self._live(tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("service"))
        life: _Life = cls._life
        return life

    def _live(self, root: Path, folder: Path) -> _Life:
        ini = f"[pytest]\nmimic_functions =\n    {self.line}\n"
        root.joinpath("pytest.ini").write_text(ini, encoding="utf-8")
        root.joinpath("test_client.py").write_text(_TESTS, encoding="utf-8")
        beside = str(Path(getfile(type(self))).parent)
        runs: dict[str, _Run] = {}
        # Without the options of the run that this test is part of, nor its worker's name.
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}

        def run(name: str, variables: Mapping[str, str], *options: str) -> None:
            seen = root / f"{name}.jsonl"
            seen.touch()
            paths = [beside, *filter(None, [os.environ.get("PYTHONPATH")])]
            own = {
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONPATH": os.pathsep.join(paths),
                "CONFORMANCE_DRIVER": self.driver,
                "CONFORMANCE_SEEN": str(seen),
            }
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-p", "mimic", "-p", "no:cacheprovider", *options],
                cwd=root,
                env={**inherited, **own, **variables},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
            lines = seen.read_text(encoding="utf-8").splitlines()
            runs[name] = _Run(done.returncode, done.stdout, dict(map(json.loads, lines)))

        with self.serve(folder) as variables:
            for mode in ("live", "record", "verify"):
                run(mode, variables, f"--mimic-{mode}", "-k", "not new")
        run("replay", variables)
        with self.serve(folder) as again:
            self.change(folder)
            run("drift", again, "--mimic-verify", "-k", "test_call")
        files = (path for path in root.joinpath(".mimic_vault").rglob("*") if path.is_file())
        return _Life(runs, {path.name: path.read_bytes() for path in files})

    def test_recording_gives_what_the_service_gives(self, conformance: _Life) -> None:
        assert conformance.passed("record").seen == conformance.passed("live").seen
        assert conformance.vault

    def test_a_replay_gives_the_same_with_the_service_gone(self, conformance: _Life) -> None:
        replayed = conformance.runs["replay"]

        failed = [line for line in replayed.output.splitlines() if line.startswith(("FAILED", "ERROR"))]
        assert [line for line in failed if "::test_new" not in line] == [], replayed.output
        assert replayed.code <= 1, replayed.output
        assert replayed.seen == conformance.passed("record").seen
        assert "replayed" in replayed.output

    def test_verifying_an_unchanged_service_finds_nothing(self, conformance: _Life) -> None:
        assert conformance.passed("verify").seen == conformance.passed("record").seen

    def test_verifying_a_changed_service_names_the_difference(self, conformance: _Life) -> None:
        """The code under test gets what was recorded all the same."""
        drifted = conformance.runs["drift"]

        assert drifted.code == 1, drifted.output
        assert "no longer gives what was recorded" in drifted.output
        assert drifted.seen["call"] == conformance.passed("record").seen["call"]

    def test_a_new_call_is_a_miss_that_names_the_command(self, conformance: _Life) -> None:
        missed = conformance.runs["replay"]

        assert missed.code == 1, missed.output
        assert "MissingRecordingError: no recording of" in missed.output
        assert "--mimic-record test_client.py::test_new" in missed.output

    def test_no_secret_is_stored_or_shown(self, conformance: _Life) -> None:
        told = conformance.passed("record").seen.get("secret")
        if told is None:
            pytest.skip("the driver has no SECRET")
        secret = literal_eval(told)

        assert not [name for name, data in conformance.vault.items() if secret.encode() in data]
        assert not [name for name, run in conformance.runs.items() if secret in run.output]
