"""`rm` deletes exactly what was named, with its objects."""

from __future__ import annotations

from unit.tools.cli.edited_vaults import recording, the_object


def test_rm_deletes_what_matches_and_its_objects(shop, call):
    odd, object_, other = (
        recording(shop, "odd"),
        the_object(shop, "odd", "pickle"),
        recording(shop, "rates"),
    )

    dry = call("rm", "shop:odd", "--dry-run")
    assert (dry.code, odd.exists(), dry.lines[-1]) == (
        0,
        True,
        "1 recording would be deleted",
    )

    done = call("rm", "shop:odd")

    assert done.code == 0
    assert done.lines[-2].startswith("1 recording deleted, ")
    assert (
        done.lines[-1]
        == "  to record again: pytest --mimic-record tests/test_shop.py::test_odd"
    )
    assert (odd.exists(), object_.exists(), other.exists()) == (False, False, True)
    assert call("rm", "shop:odd").code == 1
    assert call("check").code == 0


def test_rm_of_a_part_of_a_name_deletes_nothing(shop, call):
    """A pattern names whole parts of a path: the letter `o` is in every name."""
    files = set((shop / ".mimic_vault").rglob("*"))

    assert call("rm", "o").code == call("rm", "sho").code == call("rm", "0").code == 1
    assert set((shop / ".mimic_vault").rglob("*")) == files
