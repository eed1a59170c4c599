"""A value of each kind as an argument and as an outcome; exceptions and streams of each kind."""

import pytest
import targets

from pytest_mimic import fingerprint


def test_arguments(group, kind, make):
    assert targets.take(group, kind, make()) == [group, kind]


def test_outcomes(group, kind, make):
    expected = make()

    got = targets.give(group, kind)

    assert type(got) is type(expected)
    assert fingerprint(got) == fingerprint(expected)


def test_failures(group, kind, make):
    expected = make()

    with pytest.raises(type(expected)) as caught:
        targets.fail(group, kind)

    assert fingerprint(caught.value) == fingerprint(expected)


def test_streams(group, kind, make):
    expected = list(make())

    got = list(targets.stream(group, kind))

    assert list(map(type, got)) == list(map(type, expected))
    assert fingerprint(got) == fingerprint(expected)
