"""Adds up the accounts of several runs, and checks that together they are one complete run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_mimic._tools.unused.usage_file import Usage
from pytest_mimic.errors import MimicError

# A test that failed anywhere has failed, and one that ran anywhere was not skipped.
_WEIGHT = {"not run": 0, "skipped": 1, "passed": 2, "failed": 3}


class Gap(NamedTuple):
    """The tests that are missing in the runs on one Python and system."""

    cell: str
    unseen: list[str]  # the tests that no run has run
    # The tests that ran in fewer runs than others, so that the file of a run must be missing.
    rarer: list[str]


class Together(NamedTuple):
    """Several runs as one."""

    reasons: list[str]  # why it is not known that they are complete, without missing tests
    unlisted: bool  # whether one of these is that no run has collected all tests
    gaps: list[Gap]
    outcomes: dict[str, str]
    skipped_modules: set[str]  # the ids of modules that every run skipped as a whole
    collected: set[str]  # the ids of the files and folders in which pytest looked for tests
    absent_clients: set[str]  # the kinds of clients that a run lacked


def refuse_mixture(usages: Sequence[Usage], vault: str | None) -> str:
    """Check that the runs belong together, and return their commit in git, which may be empty.

    `vault` is the vault that the command uses, unless it was named by hand.
    MimicError: they are of different vaults or commits, or of another vault.
    """
    first = usages[0]
    for usage in usages[1:]:
        if usage.vault != first.vault:
            raise _mixture(first, usage, f"vaults: {first.vault} and {usage.vault}")
    if vault is not None and first.vault != vault:
        raise MimicError(
            f"{first.label} is of the vault {first.vault}, and the vault of this project is {vault}",
            remedies=["name the vault that the runs have used: --vault PATH"],
        )
    known = [usage for usage in usages if usage.commit]
    for usage in known[1:]:
        if usage.commit != known[0].commit:
            commits = f"{known[0].commit[:10]} and {usage.commit[:10]}"
            raise _mixture(known[0], usage, f"commits: {commits}")
    return known[0].commit if known else ""


def _mixture(one: Usage, other: Usage, what: str) -> MimicError:
    return MimicError(
        f"{one.label} and {other.label} are of different {what}",
        remedies=["give the files of one run of the CI"],
    )


def together(usages: Sequence[Usage]) -> Together:
    """Return the runs as one.

    On each Python and system, every test that one of the runs there has collected must have run or been skipped.
    """
    reasons = [f"{usage.label}: {', '.join(usage.broken)}" for usage in usages if usage.broken]
    cells: dict[str, list[Usage]] = defaultdict(list)
    for usage in usages:
        cells[usage.cell].append(usage)
    gaps: list[Gap] = []
    unlisted = False
    for cell, inside in cells.items():
        whole = [usage for usage in inside if usage.is_whole]
        partial = [usage for usage in inside if not usage.is_whole]
        if whole:
            # Variants of an environment may have different tests. Each has to be complete.
            for variant in _by_tests(whole):
                gaps += _gaps(cell, variant, partial)
        elif not set().union(*(usage.wanted for usage in inside)) - set().union(
            *(usage.covered for usage in inside)
        ):
            gaps += _gaps(cell, partial, [])
        else:
            unlisted = True
            why = "; ".join(f"{usage.label}: {', '.join(usage.hiding)}" for usage in inside[:3])
            where = f" with {cell}" if len(cells) > 1 else ""
            reasons.append(f"no run{where} has collected all tests ({why})")
    collected = {file for usage in usages for file in usage.collected}
    ran = {file for usage in usages for file in set(usage.collected) - set(usage.skipped_modules)}
    skipped = {module for usage in usages for module in usage.skipped_modules}
    absent = {client for usage in usages for client in usage.absent_clients}
    return Together(reasons, unlisted, gaps, _outcomes(usages), skipped - ran, collected, absent)


def _by_tests(usages: Iterable[Usage]) -> list[list[Usage]]:
    found: dict[frozenset[str], list[Usage]] = defaultdict(list)
    for usage in usages:
        found[frozenset(usage.tests)].append(usage)
    return list(found.values())


def _gaps(cell: str, listing: Sequence[Usage], others: Sequence[Usage]) -> list[Gap]:
    """Return the tests that are missing in runs of which the first ones know all tests.

    If a test ran in two of them, such as with two versions of a library, so must all others, or be skipped there.
    """
    seen: Counter[str] = Counter()
    ran: Counter[str] = Counter()
    for usage in (*listing, *others):
        seen.update(test for test, outcome in usage.tests.items() if outcome != "not run")
        ran.update(test for test, outcome in usage.tests.items() if outcome in ("passed", "failed"))
    listed = {test for usage in listing for test in usage.tests}
    times = max((ran[test] for test in listed), default=0)
    known = listed | {test for usage in others for test in usage.tests}
    unseen = sorted(test for test in known if not seen[test])
    rarer = sorted(test for test in listed if 0 < seen[test] < times)
    return [Gap(cell, unseen, rarer)] if unseen or rarer else []


def _outcomes(usages: Sequence[Usage]) -> dict[str, str]:
    outcomes: dict[str, str] = {}
    for usage in usages:
        for test, outcome in usage.tests.items():
            known = outcomes.get(test, "not run")
            if _WEIGHT[outcome] > _WEIGHT[known]:
                outcomes[test] = outcome
    return outcomes


def sorted_out(names: Iterable[str], usages: Sequence[Usage]) -> tuple[list[str], int]:
    """Return those of the recordings that no run has used, and how many were added since.

    A recording that was not there in one of the runs may be needed by its tests by now.
    """
    used = frozenset[str]().union(*(usage.used for usage in usages))
    there = frozenset.intersection(*(usage.others for usage in usages))
    left = [name for name in names if name not in used]
    unused = [name for name in left if name in there]
    return unused, len(left) - len(unused)
