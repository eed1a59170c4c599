"""`unused`: judges the runs of all jobs of a suite as one."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path

from pytest_mimic.cli.project import Project
from pytest_mimic.engine.unused import clear, judge, rows_of
from pytest_mimic.engine.usage import Usage, UsageFile, commit_of
from pytest_mimic.errors import MimicError
from pytest_mimic.words import few, plural, size_in_words


def unused(project: Project, options: Namespace) -> Generator[str, None, int]:
    """Name the recordings that no job has used, or delete them.

    Raises:
        MimicError: A file is none of `--mimic-usage`, the files do not belong together,
            or a test ran in none of the jobs.
    """
    usage = _joined(project, options.files)
    judgement = judge(project.vault, usage, project.rootdir)
    if judgement.reason:
        raise _not_judged(judgement.reason)
    clears = bool(judgement.unused and options.clear and not options.dry_run)
    size = clear(project.vault, judgement.unused) if clears else 0
    project.vault.close()
    if options.json:
        before = '{"unused": ['
        for one in judgement.unused:
            yield before
            row = {
                "file": one.name,
                "call": project.label(one.entry) if one.entry else one.name,
                "test": one.test,
                "gone": one.is_gone,
            }
            before = f"{json.dumps(row)},"
        yield f"{before.removesuffix(',')}]}}"
    elif judgement.unused:
        freed = f", cleared ({size_in_words(size)})" if clears else ""
        yield f"{plural(judgement.count, 'recording')} unused{freed}:"
        yield from rows_of(judgement.unused, project.label)
        if not clears:
            command = project.commands.mimic("unused", *options.files, "--clear")
            yield f"to drop the unused: {command}"
    else:
        tests = plural(len(usage.outcomes), "test")
        files = plural(len(options.files), "file")
        yield f"no recording is unused ({tests} in {files})"
    if judgement.unproven and not options.json:
        count = plural(sum(judgement.unproven.values()), "recording")
        yield f"warning: could not judge {count}: {'; '.join(judgement.unproven)}"
    return 1 if judgement.unused and not clears else 0


# -- the files together


def _joined(project: Project, names: Iterable[str]) -> Usage:
    """Return what all jobs together used.

    Raises:
        MimicError: They are of other commits than this checkout, which lacks tests of
            theirs, or they are not all tests of the project.
    """
    usage = Usage()
    here = commit_of(project.rootdir)
    others: list[str] = []
    # The tests that ran, by the environment.
    tests: dict[str, set[str]] = {}
    has_all = False
    # Each may be large, so it is read when the one before it is forgotten.
    for file in map(UsageFile, map(Path, names)):
        if file.commit and file.commit != here:
            others.append(f"{file.path} of {file.commit[:10]}")
        usage.add(file.usage)
        tests.setdefault(file.environment, set()).update(file.usage.outcomes)
        has_all = has_all or "hidden" not in file.usage.partial.values()
    if others and here:
        raise MimicError(
            f"not all are of one commit: this checkout of {here[:10]}, {few(others)}"
        )
    stopped = [why for why, kind in usage.partial.items() if kind == "stopped"]
    if stopped:
        raise _not_judged(", ".join(sorted(stopped)))
    if not has_all:
        hidden = [why for why, kind in usage.partial.items() if kind == "hidden"]
        command = "pytest --collect-only --mimic-usage=FILE, and give FILE as well"
        raise _not_judged(
            f"no run has collected all tests ({', '.join(sorted(hidden))})",
            (),
            ("to list all tests", command),
        )
    _refuse_tests_not_run(usage.selected, tests)
    usage.partial.clear()
    return usage


def _refuse_tests_not_run(
    tests: Iterable[str], by_environment: Mapping[str, set[str]]
) -> None:
    """Refuse jobs that did not run all tests.

    One that only lists the tests counts for no environment.

    Raises:
        MimicError: Some did not run, in an environment in which others did.
    """
    left = []
    has_run = False
    for environment, ran in by_environment.items():
        if ran:
            has_run = True
            not_run = sorted(set(tests) - ran)
            left += [f"  {test} with {environment}" for test in not_run]
    if has_run and not left:
        return
    words = "to judge them, give the files of all jobs: each test has to run in one"
    raise _not_judged(
        f"{plural(len(left), 'test')} not run", ["not run:", *left], (words, "")
    )


def _not_judged(
    why: str, facts: Iterable[str] = (), *ways: tuple[str, str]
) -> MimicError:
    return MimicError(f"unused recordings not judged: {why}", facts, ways)
