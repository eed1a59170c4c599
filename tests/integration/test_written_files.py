"""The files that a run writes: they replace nobody else's, no device and no link."""

from __future__ import annotations

import json
from typing import Any

import pytest

OPTIONS = ["--mimic-report", "--mimic-usage"]


@pytest.fixture
def shop(project: Any) -> Any:
    project.write("shop.py", "def fetch(n): return n\n")
    project.ini("shop:fetch", pythonpath=".")
    project.test("import shop\nshop.fetch(1)")
    project.record_once(passed=1)
    return project


@pytest.mark.parametrize("option", OPTIONS)
def test_a_file_of_the_same_option_is_replaced(shop: Any, option: str) -> None:
    path = shop.root / "file.html"
    shop.run(f"{option}=file.html").expect(passed=1)
    path.write_bytes(path.read_bytes() + b"<!-- former -->")

    shop.run(f"{option}=file.html").expect(passed=1)

    assert b"former" not in path.read_bytes()


@pytest.mark.parametrize("option", OPTIONS)
def test_a_link_stays(shop: Any, option: str) -> None:
    link, target = shop.root / "link", shop.root / "deeper/file"
    target.parent.mkdir()
    link.symlink_to(target)

    for _ in range(2):
        shop.run(f"{option}=link").expect(passed=1)

        assert link.is_symlink()
        assert target.stat().st_size > 100


def test_a_forged_test_ends_nothing_and_is_shown_in_one_line(shop: Any) -> None:
    """It is longer than a file's name may be, or holds what no name holds."""
    path = shop.file_of("shop:fetch")
    facts = json.loads(path.read_text(encoding="utf-8"))
    owner = "test" if "test" in facts else "owner"
    shop.write("test_shop.py", "def test_other(): pass\n")
    for test in ("t" * 5000, "a/" * 4000 + "b.py::x", "a\0b.py::x", "\ud800.py::x"):
        path.write_text(json.dumps({**facts, owner: test}), encoding="utf-8")

        run = shop.replay().expect(passed=1)

        assert run.section[0] == "1 recording unused"
        assert "Traceback" not in run.output
    forged = "a.py::x\nto drop the unused: rm -rf /"
    path.write_text(json.dumps({**facts, owner: forged}), encoding="utf-8")

    lines = shop.replay().expect(passed=1).section

    assert len([line for line in lines if line.startswith("to drop the unused")]) == 1
