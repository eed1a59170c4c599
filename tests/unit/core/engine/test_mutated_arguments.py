"""The files that the arguments of a call name: changes of them are refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_mimic import MutatedInputError
from pytest_mimic._core.engine.call import Call
from pytest_mimic._core.engine.mutated_arguments import ArgumentsBefore
from pytest_mimic._core.identity.call_identity import CallIdentity
from unit.core.engine.runs import Runs


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The rootdir, which is the current folder. What is beside it is elsewhere."""
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def files_of(root: Path) -> Callable[..., ArgumentsBefore]:
    """Return the files that arguments name before a call."""

    def f() -> None: ...

    def files(ignored: tuple[str, ...] = (), **arguments: object) -> ArgumentsBefore:
        names, values = tuple(arguments), tuple(arguments.values())
        identity = CallIdentity("shop:f", names)
        key, plan = identity.key(values), Runs(root).plan(f, ignore=ignored)
        call = Call(
            plan,
            key,
            "shop:f",
            is_in_sequence=False,
            parameters=names,
            bound_values=values,
            identity=identity,
        )
        return ArgumentsBefore(call)

    return files


def refused(files: ArgumentsBefore) -> tuple[str, ...]:
    with pytest.raises(
        MutatedInputError, match="shop:f has mutated its inputs"
    ) as caught:
        files.refuse_changes()
    return tuple(caught.value.facts)


@pytest.mark.parametrize(
    ("value", "step"),
    [
        ("in.csv", "path"),
        (Path("in.csv"), "path"),
        (["b", Path("in.csv")], "path[1]"),
        (("in.csv",), "path[0]"),
        ({"in.csv"}, "path[0]"),
        ({"source": "in.csv"}, "path['source']"),
    ],
    ids=["text", "path", "list", "tuple", "set", "dict"],
)
def test_every_change_of_a_named_file_is_refused(root, files_of, value, step):
    file = root / "in.csv"

    made = files_of(path=value)
    file.write_text("1")
    assert refused(made) == (f"{step}: <rootdir>/in.csv: made by the call",)

    grown = files_of(path=value)
    file.write_text("1234")
    assert refused(grown) == (f"{step}: <rootdir>/in.csv: changed by the call",)

    changed = files_of(path=value)
    os.utime(file, (1, 1))
    assert refused(changed) == (f"{step}: <rootdir>/in.csv: changed by the call",)

    removed = files_of(path=value)
    file.unlink()
    assert refused(removed) == (f"{step}: <rootdir>/in.csv: removed by the call",)


def test_a_file_that_stays_or_is_ignored_is_no_change(root, files_of):
    (root / "in.csv").write_text("1")
    (root / "log").write_text("1")
    files = files_of(
        ignored=("log",),
        path="in.csv",
        log="log",
        other="x" * 5000,
        text="a\nb",
        odd="e\ud800",
    )

    (root / "in.csv").read_text()
    (root / "log").write_text("12")
    (root / "other").touch()

    files.refuse_changes()


def test_what_rest_and_extra_hold_are_arguments_each(root, files_of):
    file = root / "in.csv"

    made = files_of(
        **{"*rest": (1, [Path("in.csv")]), "**extra": {"out": Path("in.csv")}}
    )
    ignored = files_of(ignored=("extra",), **{"**extra": {"out": Path("in.csv")}})
    file.write_text("1")

    steps = ("rest[1][0]", "out")
    assert refused(made) == tuple(
        f"{step}: <rootdir>/in.csv: made by the call" for step in steps
    )
    ignored.refuse_changes()


def test_a_text_counts_from_the_folder_in_which_the_call_began(
    root, files_of, monkeypatch
):
    files = files_of(name="out.csv")

    (root / "out.csv").touch()
    (root / "elsewhere").mkdir()
    monkeypatch.chdir(root / "elsewhere")

    assert refused(files) == ("name: <rootdir>/out.csv: made by the call",)


def test_a_file_that_a_text_names_outside_of_the_run_may_be_made(root, files_of):
    """Many strings look like a path there.

    A file that was there before, or a `Path`, counts all the same.
    """
    elsewhere = root.parent / "elsewhere.csv"
    files = files_of(paths=[str(elsewhere)])

    elsewhere.touch()
    files.refuse_changes()
    files = files_of(paths=[str(elsewhere)])
    elsewhere.write_text("1")

    assert refused(files) == (f"paths[0]: {elsewhere}: changed by the call",)


def test_of_many_changed_files_some_are_shown(root, files_of):
    files = files_of(paths=[root / f"{number}.csv" for number in range(7)])

    for number in range(7):
        (root / f"{number}.csv").touch()

    first = [
        f"paths[{number}]: <rootdir>/{number}.csv: made by the call"
        for number in range(5)
    ]
    assert refused(files) == (*first, "and 2 more")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_folder_and_a_pipe_are_not_compared(root, files_of):
    os.mkfifo(root / "pipe")
    (root / "data").mkdir()
    files = files_of(pipe=root / "pipe", folder=root / "data")

    (root / "pipe").unlink()
    (root / "data" / "out.csv").touch()

    files.refuse_changes()


def test_the_name_of_a_keyword_may_begin_with_a_star(
    files_of: Callable[..., ArgumentsBefore],
) -> None:
    files_of(**{"**extra": {"*": 1}}).refuse_changes()
