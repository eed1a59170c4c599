"""Remedies as data, and the commands and lines that they are when they are shown.

Errors and the summary hold a `Remedy`. `Commands`, which knows the folder of the shell,
words it: people paste what it returns.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from pathlib import Path
from shlex import join

from pytest_mimic._core.named_fields import NamedFields
from pytest_mimic._core.target_options import Options, target_line

_ADDRESS_OF_DOCS = "https://pytest-mimic.readthedocs.io/en/latest"
# A longer command is hard to read, and too long for some shells. Its tests go to a file
# of arguments, `@file`.
_LONGEST_COMMAND = 2_000


class Verb(Enum):
    """What a remedy does."""

    RECORD = "--mimic-record"
    RERECORD = "--mimic-rerecord"
    VERIFY = "--mimic-verify"
    CLEAR_UNUSED = "--mimic-clear-unused"
    #: A subcommand of `pytest-mimic`.
    MIMIC = "pytest-mimic"
    #: Another program.
    RUN = "run"
    #: An option of a target's line gets paths.
    IGNORE = "ignore"
    VOLATILE = "volatile"
    #: A line of an ini option, as it stands.
    LINE = "line"
    #: A page of the documentation.
    READ = "read"
    #: What a person does, in words.
    DO = "do"


#: The verbs that run tests.
RUNS_TESTS = frozenset({Verb.RECORD, Verb.RERECORD, Verb.VERIFY, Verb.CLEAR_UNUSED})


class Remedy(NamedFields):
    """What to do about an error, or about a finding of `pytest-mimic check`.

    Attributes:
        verb: What the remedy does.
        purpose: What the remedy is for, in words: `to record it`; empty: the words say
            it.
        tests: The ids of the tests that the remedy is for. Empty: the error's own test.
        words: Options of a run, the words of a command, a line, a sentence, or the
            name of a page: `how-to/dates-and-ids`.
        target: The target whose line gets more paths; empty: the remedy changes no
            line.
        paths: These paths, for the verbs `IGNORE` and `VOLATILE`.
        options: The present options of that line. None: the line has none.
    """

    verb: Verb
    purpose: str = ""
    tests: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    target: str = ""
    paths: tuple[str, ...] = ()
    options: Options | None = None


def record(purpose: str, *tests: str | None) -> Remedy:
    """Return the remedy that records what has no recording."""
    return Remedy(Verb.RECORD, purpose, tuple(filter(None, tests)))


def rerecord(purpose: str, *tests: str | None) -> Remedy:
    """Return the remedy that records tests again."""
    return Remedy(Verb.RERECORD, purpose, tuple(filter(None, tests)))


def verify(purpose: str, *tests: str | None) -> Remedy:
    """Return the remedy that compares the recordings of tests with real calls."""
    return Remedy(Verb.VERIFY, purpose, tuple(filter(None, tests)))


def mimic_command(purpose: str, *words: str) -> Remedy:
    """Return the remedy that is a subcommand of `pytest-mimic`."""
    return Remedy(Verb.MIMIC, purpose, words=words)


def do(sentence: str) -> Remedy:
    """Return the remedy that a person carries out."""
    return Remedy(Verb.DO, words=(sentence,))


def read(purpose: str, page: str) -> Remedy:
    """Return the remedy that is explained on a page of the documentation."""
    return Remedy(Verb.READ, purpose, words=(page,))


class Commands(NamedFields):
    """Makes commands that can be pasted into the shell in which a run was started.

    Attributes:
        here: The folder of that shell. None: the rootdir.
        rootdir: The folder to which the ids of tests are relative. None: it is not
            known.
        vault: The vault that an option named, which commands repeat; empty: none did.
        folder: Where a file with the arguments of a long command may be written. None:
            nowhere, so that the command stays long.
    """

    here: Path | None = None
    rootdir: Path | None = None
    vault: str = ""
    folder: Path | None = None

    def line(self, remedy: Remedy, test: str | None = None) -> str:
        """Return a remedy as it is shown; `test` is that of its error."""
        tests = remedy.tests
        if test and not tests:
            tests = (test,)
        text = self._text(remedy, tests)
        if not remedy.purpose:
            return text
        return f"{remedy.purpose}: {text}"

    def _text(self, remedy: Remedy, tests: Sequence[str]) -> str:
        """Return a remedy without its purpose: a command, a line, a sentence."""
        if remedy.verb in RUNS_TESTS:
            return self.pytest(remedy.verb.value, *remedy.words, tests=tests)
        if remedy.verb is Verb.MIMIC:
            return self.mimic(*remedy.words)
        if remedy.verb is Verb.RUN:
            return join(remedy.words)
        if remedy.verb in (Verb.IGNORE, Verb.VOLATILE):
            option = remedy.verb.value
            return target_line(remedy.target, remedy.options, option, remedy.paths)
        if remedy.verb is Verb.READ:
            page, hash_sign, anchor = remedy.words[0].partition("#")
            return f"{_ADDRESS_OF_DOCS}/{page}.html{hash_sign}{anchor}"
        return " ".join(remedy.words)

    def mimic(self, *words: str) -> str:
        """Return a command line of `pytest-mimic` for this vault."""
        command = ["pytest-mimic", *words]
        if self.vault:
            command += ["--vault", self.vault]
        return join(command)

    def pytest(self, *options: str, tests: Sequence[str | None] = ()) -> str:
        """Return the command line that runs tests with options.

        Without tests, or with one that is unknown, it runs all of them.
        """
        words = ["pytest", *options]
        if self.vault:
            # One word: pytest takes a folder in a word of its own for one of tests when
            # it looks for its ini file.
            words.append(f"--mimic-vault={self.vault}")
        # As keys, the tests stand once each.
        different_tests = dict.fromkeys(filter(None, tests))
        if all(tests):
            words += map(self._as_argument, different_tests)
        return join(words)

    def for_tests(
        self,
        *options: str,
        tests: Sequence[str | None],
        known: Mapping[str, Collection[str]] | None = None,
        failed: Collection[str] | None = None,
    ) -> str:
        """Return the command line that runs exactly these tests.

        Args:
            options: The options of the run.
            tests: The ids. None or empty: it is not known, so all tests are run.
            known: By file, the ids of its tests, where all of them are known. A file
                all of whose tests are meant stands for them.
            failed: The tests that pytest remembers as failed. None: they are not known.
        """
        if not all(tests):
            return self.pytest(*options)
        # As keys, the tests stand once each.
        different_tests = list(dict.fromkeys(filter(None, tests)))
        command = self.pytest(*options, tests=_by_file(different_tests, known or {}))
        if len(command) <= _LONGEST_COMMAND:
            return command
        # `--lf` runs those that pytest remembers as failed, so it may name them all.
        if failed is not None and set(failed) == set(different_tests):
            return self.pytest(*options, "--lf")
        file = self._file_of_tests(different_tests)
        if file is None:
            return command
        return f"{self.pytest(*options)} {join([file])}"

    def _file_of_tests(self, tests: Sequence[str]) -> str | None:
        """Write a file with the ids of tests, and return the word that names it.

        None: it cannot be written, or nobody said where.
        """
        if self.folder is None:
            return None
        from hashlib import blake2b

        text = "".join(f"{self._as_argument(test)}\n" for test in tests)
        name = blake2b(text.encode("utf-8", "replace"), digest_size=4).hexdigest()
        file = self.folder / f"tests-{name}.txt"
        if any("\n" in test for test in tests):
            # A line of the file is one argument.
            return None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except (OSError, ValueError):
            # The command then names each test, although it is long.
            return None
        return f"@{relative_path(file, start=self.here or Path.cwd())}"

    def _as_argument(self, test: str) -> str:
        """Return a test's id as pytest takes it: from the folder of the shell.

        Where that folder or the rootdir is unknown, the path stays from the rootdir.
        """
        file, colons, name = test.partition("::")
        if self.here is not None and self.rootdir is not None:
            file = relative_path(self.rootdir / file, start=self.here)
        if file[:1] in ("-", "@"):
            # pytest would take the path for an option, or for a file of arguments.
            file = f"./{file}"
        return f"{file}{colons}{name}"


def _by_file(
    tests: Sequence[str], known: Mapping[str, Collection[str]]
) -> Sequence[str]:
    """Return the tests, with a file in place of its tests where all are meant.

    Args:
        tests: The ids, `tests/test_shop.py::test_pay`.
        known: By file, the ids of its tests, where all of them are known.
    """
    tests_by_file: dict[str, set[str]] = {}
    for test in tests:
        tests_by_file.setdefault(test.partition("::")[0], set()).add(test)
    whole_files = set()
    for file, tests_of_file in tests_by_file.items():
        # The id of a file without functions, such as a text of doctests, is the file.
        has_all = file in tests_of_file
        if file in known:
            has_all = tests_of_file >= set(known[file])
        # The id of a single test says more than its file.
        if has_all and len(tests_of_file) > 1:
            whole_files.add(file)
    # As keys, the files stand once each.
    files_and_tests: dict[str, None] = {}
    for test in tests:
        file = test.partition("::")[0]
        file_or_test = file if file in whole_files else test
        files_and_tests[file_or_test] = None
    return list(files_and_tests)


def relative_path(path: Path, *, start: Path) -> str:
    """Return the path from a folder to a file or folder: `../x/test_a.py`."""
    try:
        return Path(os.path.relpath(path, start)).as_posix()
    except ValueError:  # pragma: no cover (on another drive of Windows)
        return path.as_posix()
