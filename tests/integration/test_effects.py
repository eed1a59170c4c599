"""Section 3, *Session output*: files that recorded functions write, and random numbers that they draw."""

from __future__ import annotations

import pytest

APP = """
    import tempfile

    LIMIT = 3

    def download(n):
        pathlib.Path("out").mkdir(exist_ok=True)
        pathlib.Path("out/model.txt").write_text("data")
        return n

    def leave(n):
        file = pathlib.Path(tempfile.mkdtemp()) / "model.txt"
        file.write_text("data")
        return n

    def chance(n):
        return n + random.random()

    def pure(n):
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
        pathlib.Path(".app_cache").mkdir(exist_ok=True)
        pathlib.Path(".app_cache/x").write_text("x")
        return n + LIMIT + random.Random(n).random()
"""
ROWS = [
    "files written: app:download out/model.txt (1 call), app:leave a temporary file (1)",
    "random numbers drawn, so that the outcome hangs on the seed: app:chance (random) (1 call)",
]
HEADINGS = ["files written", "random numbers drawn"]


@pytest.fixture
def app(project):
    project.ini("app:*")
    project.write("app.py", APP)
    return project


def test_what_a_replay_does_not_write_or_draw_is_named_while_recording(app):
    app.test("import app\napp.download(1), app.leave(1), app.chance(1)")

    app.record().expect(passed=1, says=ROWS)


def test_numbers_that_each_test_draws_for_itself_are_not_named(app):
    """`sequence` is the way out that the row names."""
    app.ini("app:* sequence")
    app.test("import app\napp.chance(1)")

    app.record().expect(passed=1, never=HEADINGS)


def test_what_leaves_nothing_behind_is_not_named(app):
    app.test("import app\napp.pure(1)")

    app.record().expect(passed=1, never=HEADINGS)


def test_a_file_that_the_test_removes_is_not_named(app):
    app.test("import app\napp.download(1)\npathlib.Path('out/model.txt').unlink()")

    app.record().expect(passed=1, never=HEADINGS)


def test_a_test_that_fails_for_them_in_a_replay_shows_them(app):
    app.test(
        "import app\napp.download(1)\nassert pathlib.Path('out/model.txt').is_file()"
    )
    app.record().expect(passed=1)
    (app.root / "out/model.txt").unlink()

    app.replay().expect(
        failed=1, says=["left out by the replay: app:download wrote out/model.txt"]
    )
