"""Objects in a store that cannot see all names: each content has a name of its own, so that writers never disagree."""

from __future__ import annotations

import pytest
from unit.memory_store import MemoryStore

from pytest_mimic._outcome.outcome import Outcome
from pytest_mimic._vault import Recording, Vault
from pytest_mimic._vault.names import fingerprint_in

A, B = "calls/shop/f/aa.json", "calls/shop/f/bb.json"
DOCUMENT = [{"id": n, "name": f"user {n}"} for n in range(100)]
VALUES = [
    pytest.param(DOCUMENT, id="json"),
    pytest.param(tuple(range(1000)), id="tagged"),
    pytest.param((len, 2), id="pickle"),
    pytest.param(b"\xff" * 3000, id="bytes"),
]


class PartialStore(MemoryStore):
    """The view of one writer."""

    sees_all_names = False


def put(store, name, value):
    vault = Vault(store)
    stored = vault.stored(Outcome.of_value(value), 0.5)
    return vault.write(name, Recording("shop:f", None, "s", "t", "2026-11-01", None, [stored])).changed


def objects(store):
    return {name: store.read(name) for name in store.names("objects")}


@pytest.mark.promise("in a remote vault, one name of an object has one content")
def test_equal_values_of_other_bytes_have_other_names():
    beside = lambda: 1  # noqa: E731 - which is pickled, with all that it is in
    one, other = {0, 8}, {8, 0}  # which take the same place
    mine, others = PartialStore(), PartialStore()

    put(mine, A, [one, beside])
    put(others, B, [other, beside])

    assert [fingerprint_in(name) for name in objects(mine)] == [
        fingerprint_in(name) for name in objects(others)
    ]
    assert objects(mine).keys().isdisjoint(objects(others))


@pytest.mark.parametrize("value", VALUES)
def test_equal_bytes_have_one_name(value):
    mine, others = PartialStore(), PartialStore()

    put(mine, A, value)
    put(mine, B, value)
    put(others, B, value)

    assert len(objects(mine)) == 1
    assert objects(others) == objects(mine)
    assert Vault(others).read(B).outcomes[0].load().value == value


@pytest.mark.parametrize("value", VALUES)
def test_recording_an_equal_outcome_again_leaves_every_file_as_it_is(value):
    store = PartialStore()
    put(store, A, value)

    assert put(store, A, value) is False


@pytest.mark.parametrize("value", VALUES)
def test_an_object_that_does_not_have_the_content_of_its_name_is_written_again(value):
    store = PartialStore()
    put(store, A, value)
    ((name, content),) = objects(store).items()
    store.write(name, b"x" + content)

    put(store, B, value)

    assert objects(store) == {name: content}
