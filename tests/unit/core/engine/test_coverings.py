"""Which functions a run covers, until when, and which line decides about each."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time

import pytest

from pytest_mimic._core.targets.target import as_targets


def test_pytest_keeps_the_real_function(cover):
    """pytest and this plugin measure with the real clock while it is mimicked."""
    import _pytest.timing

    real = time.perf_counter

    cover("time:perf_counter")

    assert _pytest.timing.perf_counter is real
    assert time.perf_counter is not real


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (["shop:*"], {"fetch", "fetch_all", "cached", "traced", "get_shared"}),
        (["shop:*", "!shop:fetch_all"], {"fetch", "cached", "traced", "get_shared"}),
        (["shop:*", "!shop:*", "shop:cached"], {"cached"}),
        (["!shop:fetch", "shop:fetch"], {"fetch"}),
        (
            ["shop:Client.*"],
            {"Client.get", "Client.build", "Client.parse", "Client.version"},
        ),
        (
            ["shop:Client.*", "!shop:Client.get"],
            {"Client.build", "Client.parse", "Client.version"},
        ),
        (["shop:Special.get", "!shop:Special.get"], set()),
        (["user:*"], {"use"}),
    ],
)
def test_wildcards_and_exclusions_apply_in_order(
    lines, names, write, coverings, cover, shop_source
):
    """Wildcards name the public functions defined in a module, or the public methods defined in a class."""
    write(
        shop=shop_source,
        user="from shop import fetch, Client\nasync def use(): ...\nclass Using: ...\n",
    )
    importlib.import_module("user")

    problems = cover(*lines).problems

    named = coverings.covered
    shown = {name.partition(":")[2] for name in named} - {"get_shared"} | (
        {"get_shared"} & names
    )
    assert shown == names
    assert problems == []


def test_a_reloaded_module_is_patched_beside_an_excluded_function(
    write, coverings, cover
):
    """A new function may stand where the excluded one of before stood in memory."""
    write(shop="def helper(): ...\ndef fetch(): ...\n")
    shop = importlib.import_module("shop")
    cover("shop:*", "!shop:helper")

    for _ in range(5):
        importlib.reload(shop)
        shop.fetch()
        shop.helper()

    assert coverings.made == ["shop:fetch"] * 5


def test_problem_is_reported_when_the_module_is_imported(write, cover, shop_source):
    """Once, and the import itself succeeds."""
    write(shop=shop_source)
    activation = cover("shop:fetch_al", "shop:fetch")
    assert activation.problems == []

    shop = importlib.import_module("shop")
    importlib.reload(shop)

    assert [str(problem) for problem in activation.problems] == [
        "shop:fetch_al does not exist in shop (did you mean fetch_all?)"
    ]


@pytest.mark.parametrize("first", [0, 1])
def test_nested_activations_end_in_any_order(first, shop, coverings, cover):
    both = [
        cover("shop:fetch", "shop:Client.get"),
        cover("shop:fetch", "shop:Client.parse"),
    ]

    both.pop(first).end()
    both.pop().end()

    assert sorted(coverings.left) == [
        "shop:Client.get",
        "shop:Client.parse",
        "shop:fetch",
        "shop:fetch",
    ]


def test_an_inner_run_puts_the_outer_wrapper_back(
    shop, noting, coverings, cover, snapshot
):
    """A run inside a run wraps the wrapper of the outer one."""
    cover("shop:fetch", "shop:Client.parse")
    before = snapshot(shop)
    inner = noting()

    inner.cover(as_targets(["shop:fetch", "shop:Client.parse"]))
    shop.fetch()
    shop.Client.parse()
    inner.close()

    assert coverings.made == inner.made == ["shop:fetch", "shop:Client.parse"]
    assert not before.changed()


def test_threads_may_activate_at_once(shop, coverings, snapshot):
    before = snapshot(shop)
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for _ in range(5):
            coverings.cover(as_targets(["shop:fetch", "shop:Client.get"])).end()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    coverings.close()

    assert not before.changed()


def test_an_inherited_function_is_the_classes_own_while_it_is_covered(
    shop, coverings, cover, snapshot
):
    """Afterwards, what covers the function of the base takes the calls."""
    before = snapshot(shop)
    cover("shop:Client.get")
    for _ in range(2):
        own = cover("shop:Special.get")
        shop.Special().get()
        shop.Client().get()
        own.end()
    shop.Special().get()
    shop.Client().root()
    coverings.close()

    assert coverings.made == [
        *["shop:Special.get", "shop:Client.get"] * 2,
        *["shop:Client.get"] * 2,
    ]
    assert not before.changed()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_does_not_wait_for_a_thread_that_patches_a_module(
    cover, coverings, monkeypatch
):
    begun, go_on = threading.Event(), threading.Event()

    class Spec:
        @property
        def _initializing(self):
            begun.set()
            go_on.wait()
            return True

    cover("later:fetch")
    later = type(sys)("later")
    later.__spec__ = Spec()
    monkeypatch.setitem(sys.modules, "later", later)
    thread = threading.Thread(target=coverings.look_again)
    thread.start()
    begun.wait()

    child = os.fork()
    if not child:
        # Without a lock, it exits at once.
        signal.alarm(20)
        del sys.modules["later"]
        coverings.look_again()
        os._exit(0)
    _, status = os.waitpid(child, 0)

    go_on.set()
    thread.join()
    assert status == 0
