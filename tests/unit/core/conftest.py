"""Modules to patch, and coverings whose wrappers note their calls."""

from __future__ import annotations

import functools
import importlib
import sys
import textwrap

import pytest
from support.hidden_modules import modules_of_unused_libraries

from pytest_mimic._core.engine.coverings import Coverings
from pytest_mimic._core.targets.target import Target, as_targets
from unit.core.engine.runs import Runs

SHOP = """
    import functools

    RATE = 1.5

    def fetch(day="today"):
        return f"fetched {day}"

    def fetch_all():
        return [fetch()]

    def _private():
        return "private"

    @functools.lru_cache
    def cached():
        return "cached"

    @functools.wraps(fetch)
    def traced(*args):
        return fetch(*args)

    class Client:
        def get(self, path="/"):
            return f"got {path}"

        @classmethod
        def build(cls):
            return f"built {cls.__name__}"

        @staticmethod
        def parse(text="x"):
            return f"parsed {text}"

        @property
        def token(self):
            "The token."
            return "token"

        @token.setter
        def token(self, value):
            self.kept = value

        @functools.cached_property
        def pool(self):
            return "pool"

        @functools.lru_cache
        def version(self):
            return "version"

        root = functools.partialmethod(get, "/root")

        def __secret(self):
            return "secret"

        class Nested:
            def deep(self):
                return "deep"

    class Special(Client):
        pass

    class Other(Client):
        def get(self, path="/"):
            return "other " + super().get(path)

    client = Client()
    get_shared = client.get
"""


class Noting(Coverings):
    """Coverings whose wrappers only note their calls."""

    def __init__(self, folder):
        super().__init__(Runs(folder).run)
        self.made: list[str] = []
        self.covered: list[str] = []
        self.asked: list[str] = []
        self.left: list[str] = []
        self.names: dict[object, str] = {}
        self.wrappers = {}

    def let_decide(self, covering, request, found, name):
        if not isinstance(request, Target):  # the function that starts processes
            return super().let_decide(covering, request, found, name)
        self.covered.append(name)
        self.asked.append(str(request))
        self.names[found.key] = name
        return self.wrappers.setdefault(found.key, self._wrapper(name, found.function))

    def let_decide_no_more(self, covering, key):
        if key in self.names:
            self.left.append(self.names[key])

    def _wrapper(self, name, function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            self.made.append(name)
            return function(*args, **kwargs)

        return wrapper


@pytest.fixture
def without_libraries(monkeypatch):
    """Take the modules of libraries out of `sys.modules`, where the test has all modules searched."""
    for name in modules_of_unused_libraries(()):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.fixture
def write(tmp_path, monkeypatch, without_libraries):
    """Write modules that can be imported; forget them afterwards, and check sys.meta_path."""
    known, finders = set(sys.modules), list(sys.meta_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(files=None, /, **modules):
        for name, source in {**(files or {}), **modules}.items():
            file = tmp_path / f"{name}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(source))
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - known:
        del sys.modules[name]
    assert sys.meta_path == finders


@pytest.fixture
def shop_source():
    """The source of a module with functions of every kind."""
    return SHOP


@pytest.fixture
def shop(write):
    """The module of shop_source, imported."""
    write(shop=SHOP)
    return importlib.import_module("shop")


@pytest.fixture
def noting(tmp_path):
    """Make coverings for a run."""
    return lambda: Noting(tmp_path)


@pytest.fixture
def coverings(noting, write):
    """Coverings that are closed at the end."""
    made = noting()
    yield made
    made.close()


@pytest.fixture
def cover(coverings):
    """Cover lines."""
    return lambda *lines: coverings.cover(as_targets(lines))


@pytest.fixture
def snapshot():
    """Snapshots of modules and their classes, to be compared by identity."""
    return Snapshot


class Snapshot:
    """The objects that modules and their classes held at one moment."""

    def __init__(self, *modules):
        self.modules = modules
        self.held = dict(self._look())

    def changed(self):
        """Return the names that hold another object by now."""
        now = dict(self._look())
        return {
            key
            for key in self.held.keys() | now.keys()
            if self.held.get(key, 0) is not now.get(key, 1)
        }

    def _look(self):
        for module in self.modules:
            for name, value in vars(module).items():
                yield (module.__name__, name), value
                for inner in vars(value).items() if isinstance(value, type) else ():
                    yield (module.__name__, name, inner[0]), inner[1]
