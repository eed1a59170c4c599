"""Section 5, secrets: a function's outcome is kept as it is, and what it keeps in clear is named."""

from __future__ import annotations

import pytest

CODE = """
    class Session:
        def __init__(self, key):
            self.key = key

        def __reduce__(self):
            return Session, (self.key,)

    def login(user): return {"user": user, "password": "hunter2-xyz", "access_token": "tok-4711-0815", "n": 1}
    def plain(user): return {"user": user, "token_count": 3, "password": None}
    def fails(user, password): raise RuntimeError("cannot sign in with " + password)
    def opened(user): return [Session("a"), Session(os.environ["API_SECRET"])]
"""


@pytest.fixture
def shop(project):
    project.ini("shop:login", "shop:plain", "shop:fails", "shop:opened")
    project.module(CODE)
    return project


@pytest.mark.must
def test_a_secret_in_an_outcome_is_named_and_not_shown(shop):
    shop.tests("import shop\n\ndef test_it(): shop.login('ann'), shop.plain('bob')\n")

    run = shop.record().expect(
        passed=1, says=["kept in clear: shop:login password, access_token (1 call)"]
    )

    assert [
        call.value["password"] for call in run.calls if call.target == "shop:login"
    ] == ["hunter2-xyz"]
    assert (
        "shop:login(user='ann') is kept in clear: password, access_token"
        in shop.command("check").out
    )
    assert shop.command("check").code == 0
    shown = shop.command("show", "test_shop.py").out
    assert "hunter2" not in shown
    assert "mimic-redacted" not in shown
    assert shown.count("(in clear in the file)") == 2
    shop.replay("--mimic-report=page.html").expect(passed=1)
    page = (shop.root / "page.html").read_text()
    assert "hunter2" not in page
    assert "mimic-redacted" not in page


def test_a_quiet_run_says_it_too(shop):
    shop.tests("import shop\n\ndef test_it(): shop.login('ann')\n")

    shop.record("-q").expect(
        passed=1, says=["kept in clear: shop:login password, access_token (1 call)"]
    )


def test_a_hidden_argument_that_stands_in_the_outcome_is_named(shop):
    shop.tests("""
        import pytest, shop

        def test_it():
            with pytest.raises(RuntimeError):
                shop.fails("ann", password="hunter2-xyz")
    """)

    shop.record().expect(passed=1, says=["kept in clear: shop:fails password (1 call)"])


@pytest.mark.must
def test_the_value_of_a_secret_variable_in_a_pickle_is_refused(shop):
    """In a readable outcome it is replaced; in a pickle nobody would see it."""
    shop.tests("import shop\n\ndef test_it(): shop.opened('ann')\n")

    run = shop.record(env={"API_SECRET": "s3cr3t-value-0815-xyz"})

    run.expect(
        failed=1,
        says=[
            "UnstorableOutcomeError: what shop:opened returned cannot be stored",
            "result[1][0]: the value of API_SECRET, which only a pickle would keep",
            "return data in which it does not stand",
        ],
    )
    assert [name for name in run.vault if not name.startswith(".")] == []


@pytest.mark.must
@pytest.mark.parametrize(
    "made",
    [
        "numpy.array([key] * 100)",
        "{'deep': [numpy.array([key] * 100)]}",
    ],
    ids=["array", "array inside"],
)
def test_the_value_of_a_secret_variable_in_many_texts_is_refused(project, made):
    """Of them the tree holds a digest alone, and the object of the vault each one."""
    library = made.partition("(")[0].rpartition(".")[0].rpartition("[")[2]
    pytest.importorskip(library)
    project.ini("shop:made")
    project.module(
        f"import os, {library}\n\ndef made():\n"
        f"    key = os.environ['API_SECRET']\n    return {made}\n"
    )
    project.test("shop.made()")

    run = project.record(env={"API_SECRET": "s3cr3t-value-0815-xyz"})

    run.expect(failed=1, says=["the value of API_SECRET, which stands in an array"])
    assert [name for name in run.vault if not name.startswith(".")] == []
    project.record(env={"API_SECRET": "short"}).expect(passed=1)
