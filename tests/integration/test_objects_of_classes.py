"""Outcomes of objects are readable by class and field; a class that has changed makes them stale."""

from __future__ import annotations

import json

import pytest

SHOP = """
    from dataclasses import dataclass
    from tally import ran

    @dataclass
    class User:
        name: str
        mail: str

        def __post_init__(self):
            ran("post_init")

    class Unknown(Exception):
        def __init__(self, user):
            super().__init__(f"{user.name} is unknown")
            self.user = user

    def find(name):
        user = User(name, f"{name}@example.org")
        if name == "Bob":
            raise Unknown(user)
        return [user]
"""
TEST = """
    import pytest
    import shop

    def test_find():
        assert shop.find("Ann")[0].name == "Ann"

    def test_unknown():
        with pytest.raises(shop.Unknown, match="Bob is unknown") as error:
            shop.find("Bob")
        assert error.value.user.name == "Bob"
"""


@pytest.fixture
def shop(project):
    """A project whose two recordings have a dataclass, in a list and in an exception."""
    project.ini("shop:find")
    project.tests(TEST)
    project.record_once(passed=2, real=["post_init"] * 2)
    return project


@pytest.mark.promise("objects of classes are readable, and made again without running their code")
def test_objects_are_replayed_from_readable_recordings(shop):
    shop.replay().expect(passed=2, real=[])

    entries = [
        json.loads(path.read_text())["outcomes"][0] for path in sorted(shop.vault.glob("calls/**/*.json"))
    ]
    assert {tuple(entry["imports"]) for entry in entries} == {("shop:User",), ("shop:Unknown", "shop:User")}
    ann = {"$shop:User": {"name": "Ann", "mail": "Ann@example.org"}}
    bob = {"$shop:User": {"name": "Bob", "mail": "Bob@example.org"}}
    assert [ann] in [entry.get("value") for entry in entries]
    [raised] = [entry["raised"]["$shop:Unknown"] for entry in entries if "raised" in entry]
    assert raised["attributes"] == {"user": bob}


@pytest.mark.promise("a class that gained or lost a field is a stale recording that names the field")
def test_a_class_with_another_field_is_named_with_the_remedy(shop):
    shop.module(SHOP.replace("mail: str", "email: str"))

    shop.replay("-k", "find").expect(
        failed=1,
        deselected=1,
        real=[],
        says=[
            "StaleRecordingError: the recorded outcome of shop:find cannot be loaded here",
            "shop:User has no field 'mail' any more, and has a new field 'email', which the recording lacks",
            "to record it again: pytest --mimic-record test_shop.py::test_find",
        ],
    )
    shop.record().expect(passed=2, real=["post_init"] * 2)
    shop.replay().expect(passed=2, real=[])
