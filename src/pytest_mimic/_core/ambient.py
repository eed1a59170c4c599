"""The innermost pytest run of this process, the ids of its tests, and the commands that run them again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_mimic import _runs
from pytest_mimic.errors import TargetError


# Untyped, although it is a `pytest_mimic._run.session.Session`: modules below the
# session import this one.
def current() -> Any:
    """Return the session of the innermost run, or None outside of pytest and with `-p no:mimic`."""
    return _runs[-1]() if _runs else None


def begun() -> Any:
    """Return the session of the innermost run, or None without one.

    TargetError: its tests run and it was not prepared.
    """
    session = current()
    if session is None and _runs:
        raise too_late()
    return session


def too_late() -> TargetError:
    return TargetError(
        "nothing was prepared for mimicking before the tests, and this test asks for it",
        remedies=[
            "import it at the top of the test's file or of conftest.py: from pytest_mimic import mimic",
            "name a fixture as an argument of the test",
        ],
    )


def vault_command(*words: str) -> str:
    """Return the command line of `pytest-mimic` for the vault of this run."""
    from shlex import join

    session = current()
    vault = "" if session is None else session.settings.given_vault
    return join(["pytest-mimic", *words, *(["--vault", vault] if vault else [])])


def command_for(
    option: str,
    tests: Sequence[str | None],
    *more: str,
    most: int = 3,
    last_failed: bool = False,
) -> str:
    """Return the command that runs these tests with an option: a few by name, else their files, else all tests.

    With `last_failed`, pytest knows which tests failed, and they are those.
    """
    named = list(dict.fromkeys(tests))
    if len(named) > most:
        named = list(dict.fromkeys((test or "").partition("::")[0] for test in named))
    if len(named) <= most and all(named):
        return command(option, *named, more=more)
    return command(option, more=(*more, "--lf") if last_failed and all(named) else more)


def command(option: str, *tests: str | None, more: Sequence[str] = ()) -> str:
    """Return the command line that runs tests with options, or all tests if there is none (None or empty).

    It is one for the folder in which this run was started, as pytest takes paths, and
    names the vault that it was given.
    """
    from shlex import join

    session = current()
    vault = "" if session is None else session.settings.given_vault
    # One word: pytest takes a folder in a word of its own for one of tests when it
    # looks for its ini file.
    words = ["pytest", option, *more, *([f"--mimic-vault={vault}"] if vault else [])]
    return join([*words, *(_from_here(test, session) for test in tests if test)])


def _from_here(test: str, session: Any) -> str:
    """Return a test's id with the path from the folder in which the run was started."""
    if session is None:
        return test
    file, colons, name = test.partition("::")
    settings = session.settings
    return (
        f"{relative_path(settings.rootdir / file, start=settings.here)}{colons}{name}"
    )


def naming(test: str, recorder: object, lines: Sequence[str]) -> list[str]:
    """Return the lines of an error.

    A command in them that would record all tests again, or the recorder, is for this
    test.
    """
    for option in ("--mimic-record", "--mimic-rerecord"):
        for old in (command(option), command(option, str(recorder or ""))):
            new = command(option, test)
            lines = [
                line.removesuffix(old) + new if line.endswith(old) else line
                for line in lines
            ]
    return list(lines)


def plain_id(node: Any) -> str:
    """Return the id of a test, module, package or class, with the path of its file relative to the rootdir.

    pytest's own id of a file outside of the rootdir is shortened, so that two files may
    have the same.
    """
    nodeid = without_group(node.nodeid)
    rootdir = node.config.rootpath
    if not nodeid or str(node.path).startswith(f"{rootdir}{os.sep}"):
        return nodeid
    _, colons, name = nodeid.partition("::")
    return f"{relative_path(node.path, start=rootdir)}{colons}{name}"


def without_group(nodeid: str) -> str:
    """Return a test's id without the `@group` that xdist's `--dist loadgroup` appends."""
    head, at, group = nodeid.rpartition("@")
    return head if at and "::" in head and not set("[]/:") & set(group) else nodeid


def relative_path(path: Path, *, start: Path) -> str:
    """Return the path from a folder to a file or folder, with slashes: `../x/test_a.py`."""
    try:
        return Path(os.path.relpath(path, start)).as_posix()
    except ValueError:  # pragma: no cover (on another drive of Windows)
        return path.as_posix()
