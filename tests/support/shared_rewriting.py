"""Workers share the work of rewriting the assertions of the tests, which pytest keeps in files.

In a fresh checkout, all workers collect the same modules at the same time. Each would
rewrite all of them, which takes five seconds of CPU.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

# Folders with projects of tests, which a run of the suite does not collect.
NOT_COLLECTED = ("projects",)


def rewrite_share(config: pytest.Config) -> None:
    """Rewrite the share of this worker, before it collects, and keep it for all workers.

    A process that is no worker shares with nobody.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None or sys.dont_write_bytecode:
        return
    number, count = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    for path in _modules_of_tests(config)[number::count]:
        _keep_rewritten(path, config)


def _modules_of_tests(config: pytest.Config) -> list[Path]:
    """Return the modules in the folders that the run was given."""
    paths: set[Path] = set()
    for argument in config.args:
        folder = Path(config.invocation_params.dir, argument)
        if folder.is_dir():
            paths.update(folder.rglob("test_*.py"))
    return sorted(path for path in paths if not {*NOT_COLLECTED} & {*path.parts})


def _keep_rewritten(path: Path, config: pytest.Config) -> None:
    """Write the file in which pytest looks for a rewritten module, if there is none."""
    folder = rewrite.get_cache_dir(path)
    kept = folder / (path.stem + rewrite.PYC_TAIL)
    if kept.exists() or not rewrite.try_makedirs(folder):
        return
    state = config.stash[rewrite.assertstate_key]
    source, code = rewrite._rewrite_test(path, config)
    rewrite._write_pyc(state, code, source, kept)


@contextmanager
def without_rewriting() -> Iterator[None]:
    """Import modules as they are in this block, with the bytecode that Python keeps.

    pytest would rewrite all modules of a distribution that has a plugin. In a fresh
    checkout, each worker would do that at the same time.
    """
    finders = list(sys.meta_path)
    sys.meta_path[:] = [
        finder
        for finder in finders
        if not isinstance(finder, rewrite.AssertionRewritingHook)
    ]
    try:
        yield
    finally:
        sys.meta_path[:] = finders
