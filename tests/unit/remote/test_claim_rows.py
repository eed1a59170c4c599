"""Claims of one number, step by step: no two living processes hold them, and a dead one holds none up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.claim_rows import Claims, Timing, Wait
from pytest_mimic._remote.claims import ClaimLocks
from pytest_mimic._remote.place import parse_place
from pytest_mimic._vault.locks import ByteLocks

TAG = "0000011"
FIRST, SECOND = f"claims/{TAG}", f"claims/{TAG}-1"
#: A process is dead that has shown no new sign of life between two looks.
HASTY = Timing(renewal=0, death=0)


class _Interrupted(Bucket):
    """A bucket in which another process acts just after claims were deleted."""

    act: Callable[[], object] | None = None

    def delete(self, keys: Iterable[str]) -> None:
        super().delete(keys)
        act, self.act = self.act, None
        if act is not None:
            act()


def bucket_in(folder: Path) -> _Interrupted:
    (folder / "bucket").mkdir(exist_ok=True)
    return _Interrupted(parse_place((folder / "bucket").as_uri()))


def process(bucket: Bucket, name: str, *, machine: str | None = None, timing: Timing = HASTY) -> Claims:
    """Return the claims as a process sees them, on a machine of its own by default."""
    who = {"machine": name if machine is None else machine, "process": name, "host": name}
    return Claims(bucket, who, timing)


def take(claims: Claims) -> list[str]:
    """Return the claims that a process takes in some looks; none if it takes none."""
    wait = Wait(0)
    return next(filter(None, (claims.create(TAG, wait) for _ in range(6))), [])


def test_process_without_a_sign_is_not_dead_at_once(tmp_path):
    """It is looked at again until the time is over, however often."""
    bucket = bucket_in(tmp_path)
    assert take(process(bucket, "holder")) == [FIRST]

    assert take(process(bucket, "patient", timing=Timing(renewal=0, death=3600))) == []
    assert take(process(bucket, "hasty")) == [FIRST, SECOND]


def test_each_sign_of_life_counts(tmp_path):
    """A process that shows one between any two looks lives. Then it shows none."""
    bucket = bucket_in(tmp_path)
    holder, other, wait = process(bucket, "holder"), process(bucket, "other"), Wait(0)
    assert take(holder) == [FIRST]

    for _ in range(5):
        holder.show_life()
        assert other.create(TAG, wait) is None

    assert other.create(TAG, wait) == [FIRST, SECOND]


def test_dead_process_of_the_same_machine_is_known_at_once(tmp_path):
    """Its lock on this machine would not be free otherwise. A machine without a name is no machine."""
    bucket, timing = bucket_in(tmp_path), Timing()
    assert take(process(bucket, "dead", machine="here")) == [FIRST]
    assert take(process(bucket, "other", machine="here", timing=timing)) == [FIRST, SECOND]
    bucket.delete([FIRST, SECOND])
    assert take(process(bucket, "living", machine="")) == [FIRST]

    assert take(process(bucket, "unknown", machine="", timing=timing)) == []


def test_row_that_began_again_is_judged_by_its_present_holder(tmp_path):
    """Who has seen the one before can take over from this one as well."""
    bucket = bucket_in(tmp_path)
    before, holder, other, wait = *(process(bucket, name) for name in ("before", "holder", "other")), Wait(0)
    assert take(before) == [FIRST]
    assert other.create(TAG, wait) is None
    before.delete([[FIRST]])
    assert take(holder) == [FIRST]

    found = [other.create(TAG, wait) for _ in range(2)]

    assert found == [None, [FIRST, SECOND]]


def test_row_is_deleted_from_its_beginning(tmp_path):
    """A process that looks between two deletions cannot take a claim that the second one deletes."""
    bucket = bucket_in(tmp_path)
    dead, holder, other = (process(bucket, name) for name in ("dead", "holder", "other"))
    assert take(dead) == [FIRST]
    row = take(holder)
    assert row == [FIRST, SECOND]
    wait, taken = Wait(0), []
    for _ in range(4):
        holder.show_life()
        assert other.create(TAG, wait) is None
    bucket.act = lambda: taken.append(other.create(TAG, wait))

    holder.delete([row])

    assert taken == [[FIRST]]
    assert process(bucket, "last").create(TAG, Wait(0)) is None


def test_claim_that_is_being_deleted_is_not_held(tmp_path):
    """Another machine may have it a moment later."""
    bucket, refreshed, seen = bucket_in(tmp_path), [], []
    locks = ClaimLocks(
        ByteLocks(lambda: str(tmp_path / "locks")),
        bucket,
        refresh=refreshed.append,
        is_conditional=lambda: True,
    )
    assert (locks.acquire(17), locks.claim(17)) == (True, True)
    assert refreshed == [TAG]
    bucket.act = lambda: seen.append((locks.acquire(17), locks.claim(17)))

    locks.release(17)
    locks.close()

    assert seen == [(True, False)]
