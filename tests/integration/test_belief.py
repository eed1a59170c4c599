"""Section 5, security: what is reviewed is what replays, and a guard that a file leaves out is not off."""

from __future__ import annotations

import pytest

FALSE = "shows another call than it answers"
TESTS = """
    import httpx, os, shop

    def test_fetch(): assert shop.fetch(1) == "one"
    def test_ask(): assert httpx.get(os.environ["API"] + "echo?day=monday").status_code == 200
"""


@pytest.fixture
def forged(project, server):
    """A project whose recordings show another argument, and another request, than they answer."""
    project.env["API"] = f"{server.url}/"
    project.ini("shop:fetch", "http")
    project.module("def fetch(n): return 'one'")
    project.tests(TESTS)
    project.record().expect(passed=2)

    def forge(call):
        if call.target == "http":
            call.call["request"]["url"] = call.call["request"]["url"].replace(
                "monday", "tuesday"
            )
        else:
            call.call["arguments"]["n"] = 2

    project.edit_calls(forge)
    return project


@pytest.mark.must
def test_a_call_that_is_shown_as_another_one_is_named_and_is_no_damage(forged):
    for words in (("ls",), ("ls", "--json")):
        assert forged.command(*words).out.count(FALSE) == 2
    assert forged.command("show", ".").out.count(f"  it {FALSE}\n") == 2
    checked = forged.command("check", "--fix")
    assert checked.code == 1
    assert checked.out.count(FALSE) == 2
    forged.replay("--mimic-report=page.html").expect(passed=2)
    assert (forged.root / "page.html").read_text().count(FALSE) == 2


def test_another_signature_is_another_call(project, server):
    project.env["API"] = f"{server.url}/"
    project.ini("http")
    project.tests(
        "import httpx, os\n\ndef test_it(): httpx.get(os.environ['API'] + 'users')\n"
    )
    project.record().expect(passed=1)
    project.edit_calls(lambda call: call.call.update(signature="GET /harmless"))

    assert FALSE in project.command("check").out


def test_what_nobody_can_vouch_for_is_marked(project):
    """A pickle, the beginning of a long part, a hidden argument, a call under `key=`."""
    project.ini("shop:boxed", "shop:long", "shop:hidden", "shop:plain")
    project.module("""
        class Box:
            def __init__(self): self.made = lambda: 1
        def boxed(n): return Box()
        def long(text): return 1
        def hidden(password): return 1
        def plain(n): return 1
        def by_key(n): return 1
    """)
    project.tests("""
        import shop
        from pytest_mimic import mimic

        def test_it():
            shop.boxed(1), shop.long("x" * 5_000), shop.hidden("pa55word"), shop.plain(1)
            with mimic("shop:by_key", key=lambda arguments: 3):
                shop.by_key(1)
    """)
    project.record().expect(passed=1)

    listed = project.command("ls").out.splitlines()

    marked = {
        line.split("shop:")[1].split("(")[0] for line in listed if "unproven" in line
    }
    assert marked == {"boxed", "long", "hidden", "by_key"}
    assert (
        "is sound; 5 recordings and 1 object checked, 4 unproven"
        in project.command("check").out
    )
    for said in (
        "its outcome is a pickle",
        "password is hidden",
        "key= says what it asked",
        "is kept by its digest",
    ):
        assert said in project.command("show", ".").out


@pytest.mark.must
@pytest.mark.parametrize(
    ("left_out", "change", "stale"),
    [
        ("source", "return 'one'", True),
        ("inputs", "def helper(): return 'two'", True),
        ("inputs", "", True),
    ],
)
def test_a_recording_without_its_fingerprints_is_stale(
    project, left_out, change, stale
):
    code = "def helper(): return 'one'\ndef fetch(n): return helper()\n"
    project.ini("shop:fetch", mimic_inputs="strict")
    project.module(code)
    project.tests("import shop\n\ndef test_it(): assert shop.fetch(1) == 'one'\n")
    project.record().expect(passed=1)
    project.replay().expect(passed=1)
    project.edit_calls(lambda call: call.call.pop(left_out))
    if change:
        project.module(
            code.replace(
                "return helper()"
                if left_out == "source"
                else "def helper(): return 'one'",
                change,
            )
        )

    project.replay().expect(failed=1, says=["StaleRecordingError"])


def test_a_function_without_helpers_keeps_no_inputs_and_stays_fresh(project):
    project.ini("shop:fetch", mimic_inputs="strict")
    project.module("def fetch(n): return n")
    project.tests("import shop\n\ndef test_it(): assert shop.fetch(1) == 1\n")
    project.record().expect(passed=1)

    assert [call.inputs for call in project.calls()] == [""]
    project.replay().expect(passed=1)


def test_an_imported_call_that_is_sent_otherwise_is_named(project, server):
    project.env["API"] = server.url
    project.ini("http")
    code = "import httpx, os\n\ndef test_it(): httpx.post(os.environ['API'] + '/echo', json={'a': 1})\n"
    project.tests(code)
    project.record().expect(passed=1)
    project.edit_calls(lambda call: call.call.update(imported=True))
    assert "imported" not in project.command("check").out
    project.tests(code.replace("'a': 1", "'a': 2"))
    project.replay(plugins=("cacheprovider",)).expect(passed=1)

    checked = project.command("check")

    assert (
        "test_it.json was imported, and test_shop.py::test_it sends another request now"
        in checked.out
    )
    assert "to record it: pytest --mimic-rerecord test_shop.py::test_it" in checked.out


def test_a_text_that_stands_too_often_is_refused_while_recording(project):
    """No run would open it."""
    project.ini("shop:fetch")
    project.module("def fetch(n): return ['x' * (1 << 20)] * 100")
    project.tests("import shop\n\ndef test_it(): shop.fetch(1)\n")

    recorded = project.record().expect(
        failed=1, says=["a long text stands too often", "more than 64 MB"]
    )

    assert [name for name in recorded.vault if name.startswith("calls/")] == []
