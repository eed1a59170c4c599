"""`ls --stale`: sources are compared without importing anything."""

from __future__ import annotations

import sys
import zipfile

import pytest

from pytest_mimic._core.identity.source import source_fingerprint
from pytest_mimic._core.inputs.target_sources import judge

MODULE = '''
import functools
from contextlib import contextmanager

if True:
    def branch(n):
        return n

class Shop:
    class Inner:
        @staticmethod
        def deep(n):
            return n
    @property
    def price(self):
        """Docstrings do not count."""
        return 1
    async def later(self):
        return 2

@functools.lru_cache(maxsize=3)
def cached(n):
    return n

@contextmanager
def opened():
    yield 1

def own(function):
    def inner(*args):
        return function(*args)
    return inner

@own
def hidden(n):
    return n

short = lambda n: n

def cache(function):
    return own(function)

@cache
def namesake(n):
    return n

def rebound(n):
    return n

rebound = own(rebound)
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "static_shop"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "inner.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("static_shop")]:
        del sys.modules[name]


def fingerprint_of(target):
    import static_shop.inner

    found = static_shop.inner
    for name in target.partition(":")[2].split("."):
        found = found.__dict__[name]
    return source_fingerprint(found)


@pytest.mark.parametrize(
    ("target", "edited"),
    [
        ("static_shop.inner:branch", "changed"),
        ("static_shop.inner:Shop.Inner.deep", "changed"),
        ("static_shop.inner:Shop.price", "same"),
        ("static_shop.inner:Shop.later", "same"),
        ("static_shop.inner:cached", "changed"),
        ("static_shop.inner:opened", "same"),
        ("static_shop.inner:hidden", "unknown"),
        ("static_shop.inner:short", "unknown"),
        ("static_shop.inner:namesake", "unknown"),
        ("static_shop.inner:rebound", "unknown"),
    ],
)
def test_the_source_is_judged_as_a_run_does(package, target, edited):
    """Where only an import shows which function it is, nothing is claimed."""
    recorded = fingerprint_of(target)
    expected = "unknown" if edited == "unknown" else "same"

    assert judge(target, recorded) == expected

    (package / "inner.py").write_text("# a comment\n" + MODULE.replace("return n\n", "return n + 1\n"))
    assert judge(target, recorded) == edited


@pytest.mark.parametrize(
    "target", ["static_shop:gone", "static_shop.gone:f", "gone:f", "static_shop.inner:Shop"]
)
def test_what_is_not_found_is_not_judged(package, target):
    assert judge(target, "0" * 32) == "unknown"


@pytest.mark.parametrize("text", [b"def f(:\n", b"def f(): '\xff'\n", b"def f(): '\0'\n"])
def test_a_module_that_cannot_be_parsed_is_not_judged(package, text):
    (package / "inner.py").write_bytes(text)

    assert judge("static_shop.inner:f", "0" * 32) == "unknown"


def test_a_module_in_an_archive_is_not_judged(package, monkeypatch):
    archive = package / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("static_packed.py", "def f(): pass\n")
    monkeypatch.syspath_prepend(archive)

    assert judge("static_packed:f", "0" * 32) == "unknown"


@pytest.mark.promise("ls --stale reads modules and does not import them")
def test_ls_lists_the_recordings_of_a_changed_function(shop, call):
    assert call("ls", "--stale").code == 1

    text = (shop / "shop.py").read_text()
    (shop / "shop.py").write_text(
        text.replace("return Odd(n)", "return Odd(n + 0)") + "\nprint('imported')\n"
    )

    [row] = call("ls", "--stale", "--json").data["recordings"]
    assert row["calls"][0]["target"] == "shop:odd"


def test_a_decorated_function_is_named_and_not_judged(shop, call):
    with (shop / "pytest.ini").open("a") as ini:
        ini.write("mimic_inputs = ignore\n")
    text = (shop / "shop.py").read_text()
    decorated = "def own(f):\n    return lambda *a: f(*a)\n\n@own\ndef odd("
    (shop / "shop.py").write_text("print('imported')\n" + text.replace("def odd(", decorated))

    read = call("ls", "--stale")

    assert (read.code, read.err) == (1, "")
    assert read.lines[-1] == "not judged, because reading their modules is not enough: shop:odd"
