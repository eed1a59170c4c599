"""Modules are patched when they are imported, and never imported by the plugin."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import threading
import traceback
from importlib.machinery import SourceFileLoader
from types import ModuleType

import pytest

from pytest_mimic._core.targets.target import as_targets


def test_imported_module_keeps_its_own_loader(write, cover):
    """During its import and afterwards. Resources are found by the loader."""
    write(shop="seen = (__loader__, __spec__.loader)\ndef fetch(): ...")
    cover("shop:fetch")

    shop = importlib.import_module("shop")

    loaders = {*shop.seen, shop.__loader__, shop.__spec__.loader}
    assert [type(loader) for loader in loaders] == [SourceFileLoader]


def test_import_error_passes_through(write, cover):
    write(shop="import missing_dependency")
    activation = cover("shop:fetch")

    with pytest.raises(
        ModuleNotFoundError, match="No module named 'missing_dependency'"
    ) as error:
        importlib.import_module("shop")
    assert "pytest_mimic" not in str(error.value)
    assert "shop" not in sys.modules
    assert activation.problems == []

    write(shop="def fetch():  # now it works\n    ...")
    assert hasattr(importlib.import_module("shop").fetch, "__wrapped__")


def test_reloaded_module_is_patched_again(write, coverings, cover):
    write(shop="def fetch(): return 1", user="from shop import fetch")
    user = importlib.import_module("user")
    shop, old = sys.modules["shop"], user.fetch
    cover("shop:fetch")

    importlib.reload(shop)
    shop.fetch()
    user.fetch()
    new = shop.fetch.__wrapped__
    coverings.close()

    assert coverings.made == ["shop:fetch"] * 2
    assert (shop.fetch, user.fetch) == (new, old)
    assert new is not old


def test_reload_of_the_defining_module_is_followed(write, coverings, cover):
    write(
        {"pack/__init__": "from pack.api import fetch", "pack/api": "def fetch(): ..."}
    )
    pack = importlib.import_module("pack")
    cover("pack:fetch")

    importlib.reload(pack.api)
    pack.api.fetch()
    pack.fetch()

    assert coverings.made == ["pack.api:fetch"] * 2


def test_circular_imports_are_patched_on_both_sides(write, coverings, cover):
    """A module that imported the function before its module was complete has the wrapper afterwards."""
    write(
        shop="def fetch(): ...\nimport helper\ndef late(): ...",
        helper="from shop import fetch\ndef help(): return fetch()",
    )
    cover("shop:fetch", "shop:late", "helper:help")

    shop = importlib.import_module("shop")
    shop.helper.help()
    shop.late()

    assert coverings.made == ["helper:help", "shop:fetch", "shop:late"]


def test_half_imported_module_is_refused(write, cover, monkeypatch):
    """The import began before the module was watched, so nothing reports its end."""
    write(shop="import builtins\nbuiltins.start_mimic()\ndef fetch(): ...")
    problems = []
    monkeypatch.setattr(
        "builtins.start_mimic",
        lambda: problems.extend(cover("shop:fetch", "shop:qqqq").problems),
        raising=False,
    )

    importlib.import_module("shop")

    assert [str(problem) for problem in problems] == [
        f"shop:{name} cannot be patched before shop is loaded: use it in conftest.py"
        for name in ("fetch", "qqqq")
    ]


def make_lazy(name):
    """Import a module with importlib.util.LazyLoader."""
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_lazy_module_is_refused_and_not_loaded(write, cover, monkeypatch):
    write(shop="import builtins\nbuiltins.shop_loads.append(1)\ndef fetch(): ...")
    loads = []
    monkeypatch.setattr("builtins.shop_loads", loads, raising=False)
    make_lazy("shop")

    problems = cover("shop:fetch").problems

    assert loads == []
    assert [str(problem) for problem in problems] == [
        "shop:fetch cannot be patched before shop is loaded: use it in conftest.py"
    ]


def test_lazy_module_of_a_watched_spec_is_patched_by_its_first_use(
    write, coverings, cover
):
    write(shop="def fetch(): ...")
    activation = cover("shop:fetch")

    make_lazy("shop").fetch()

    assert coverings.made == ["shop:fetch"]
    assert activation.problems == []


@pytest.mark.parametrize("kind", ["function", "class"])
def test_a_name_that_a_module_gives_on_demand_is_named_where_it_is_defined(
    kind, write, cover
):
    """PEP 562, or a subclass of ModuleType as in transformers. Nothing is imported."""
    pack = {
        "function": """
            def __getattr__(name):
                from pack import api
                return getattr(api, name)
        """,
        "class": """
            import sys, types
            class Lazy(types.ModuleType):
                def __getattr__(self, name):
                    from pack import api
                    return getattr(api, name)
            sys.modules[__name__].__class__ = Lazy
        """,
    }
    write({"pack/__init__": pack[kind], "pack/api": "def fetch(): ..."})
    importlib.import_module("pack")

    activation = cover("pack:fetch")

    assert "pack.api" not in sys.modules
    assert [str(problem) for problem in activation.problems] == [
        "pack:fetch is not in pack, which gives names on demand: name it where it is defined"
    ]


def test_late_exclusion_removes_a_function_of_a_wildcard(write, coverings, cover):
    """The module of the exclusion is imported last."""
    write(
        {
            "pack/__init__": "",
            "pack/api": "def fetch(): ...\ndef send(): ...",
            "pack/names": "from pack.api import send",
        }
    )
    cover("pack.api:*", "!pack.names:send")
    api = importlib.import_module("pack.api")
    api.send()

    importlib.import_module("pack.names").send()
    api.fetch()

    assert coverings.left == ["pack.api:send"]


def test_late_named_target_wins_over_a_wildcard(write, coverings, cover):
    """The module by which it is named is imported last."""
    write(
        {
            "pack/__init__": "",
            "pack/api": "def fetch(): ...",
            "pack/names": "from pack.api import fetch",
        }
    )
    cover("pack.api:*", "pack.names:fetch sequence")
    importlib.import_module("pack.names")

    assert coverings.covered == ["pack.api:fetch"] * 2
    assert coverings.asked == ["pack.api:*", "pack.names:fetch"]


def test_two_runs_watch_the_same_module(write, noting, coverings):
    """As in a run inside a run. Each finder asks all others, and the search ends."""
    write(shop="def fetch(): ...")
    inner = noting()
    for each in (coverings, inner):
        each.cover(as_targets(["shop:fetch"]))

    importlib.import_module("shop").fetch()
    inner.close()
    coverings.close()

    assert coverings.made == inner.made == ["shop:fetch"]
    assert not hasattr(sys.modules["shop"].fetch, "__wrapped__")


def test_other_finders_keep_working(write, cover):
    """Such as one before the plugin's, and one that asks all others itself."""

    class Hook:
        @staticmethod
        def find_spec(name, path=None, target=None):
            for finder in sys.meta_path:
                if finder is not Hook and (
                    spec := finder.find_spec(name, path, target)
                ):
                    return spec
            return None

    write(shop="def fetch(): ...")
    cover("shop:fetch")
    sys.meta_path.insert(0, Hook)

    try:
        shop = importlib.import_module("shop")
    finally:
        sys.meta_path.remove(Hook)

    assert hasattr(shop.fetch, "__wrapped__")


def test_module_put_into_sys_modules_is_found_by_look_again(
    write, coverings, monkeypatch
):
    coverings.cover(as_targets(["made_up:fetch"]))
    module = ModuleType("made_up")
    module.fetch = lambda: "fetched"
    monkeypatch.setitem(sys.modules, "made_up", module)

    coverings.look_again()
    module.fetch()
    coverings.close()

    assert coverings.made == ["made_up:fetch"]


def test_threads_import_a_watched_module_at_once(write, coverings, cover):
    """It is patched once, and every thread sees the wrapper."""
    write(shop="def fetch(): ...")
    cover("shop:fetch")
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        importlib.import_module("shop").fetch()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert coverings.covered == ["shop:fetch"]
    assert coverings.made == ["shop:fetch"] * 4


def test_error_in_a_watched_module_points_at_its_line(write, cover):
    write(shop="def fetch(): ...\n1 / 0")
    cover("shop:fetch")

    with pytest.raises(ZeroDivisionError, match="division by zero") as error:
        importlib.import_module("shop")

    assert traceback.extract_tb(error.value.__traceback__)[-1].filename.endswith(
        "shop.py"
    )
