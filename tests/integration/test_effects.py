"""Section 3, *Session output*: the side effects of recorded functions that a replay leaves out."""

from __future__ import annotations

import pytest

APP = """
    import logging
    import tempfile
    import warnings

    REGISTRY = {}
    READY = False
    LIMIT = 3
    log = logging.getLogger("app")

    def register(n):
        REGISTRY[n] = n
        return n

    class Models:
        made = {}

    def make(n):
        Models.made[n] = n
        return n

    def ready(n):
        global READY
        READY = True
        return n

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

    def printing(n):
        print(n)
        return n

    def logging_(n):
        log.warning("n %s", n)
        return n

    def warning(n):
        warnings.warn("old")
        return n

    def items(n):
        print(n)
        yield n

    async def waiting(n):
        print(n)
        return n

    def pure(n):
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
        pathlib.Path(".app_cache").mkdir(exist_ok=True)
        pathlib.Path(".app_cache/x").write_text("x")
        return n + LIMIT + random.Random(n).random()
"""
FACTS = {
    "app.register(1)": "app:register set app.REGISTRY",
    "app.ready(1)": "app:ready set app.READY",
    "app.make(1)": "app:make set app.Models",
    "app.download(1)": "app:download wrote out/model.txt",
    "app.leave(1)": "app:leave left a temporary file",
    "app.chance(1)": "app:chance moved random",
    "app.printing(1)": "printed, logged or warned",
    "app.logging_(1)": "printed, logged or warned",
    "pytest.warns(UserWarning, app.warning, 1)": "printed, logged or warned",
    "list(app.items(1))": "printed, logged or warned",
    "asyncio.run(app.waiting(1))": "printed, logged or warned",
}
HEADING = "side effects that a replay leaves out: "


@pytest.fixture
def app(project):
    project.ini("app:*")
    project.write("app.py", APP)
    return project


def test_side_effects_are_named_while_recording(app):
    app.test("import app\n" + "\n".join(FACTS))

    run = app.record("-v").expect(passed=1, says=[HEADING.strip(), *FACTS.values()])

    [row] = [line for line in run.section if "printed, logged or warned" in line]
    assert "5 calls" in row


def test_what_leaves_nothing_behind_is_not_named(app):
    app.test("import app\napp.pure(1)")

    app.record().expect(passed=1, never=[HEADING])


def test_a_file_that_the_test_removes_is_not_named(app):
    app.test("import app\napp.download(1)\npathlib.Path('out/model.txt').unlink()")

    app.record().expect(passed=1, never=[HEADING])


def test_a_test_that_fails_for_them_in_a_replay_shows_them(app):
    app.test("import app\napp.register(1)\nassert app.REGISTRY == {1: 1}")
    app.record().expect(passed=1)

    app.replay().expect(
        failed=1, says=["left out by the replay: app:register set app.REGISTRY"]
    )
