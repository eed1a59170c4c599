"""Pickles from a stranger, whose lists of imports look harmless: nothing of them runs that is not listed as code."""

from __future__ import annotations

import collections
import enum
import functools
import subprocess
import sys
import types

import pandas
import pydantic
import pytest
from support.forged import (
    NAME,
    VALUE,
    bare,
    body,
    call,
    effects,
    load,
    named,
    names_in,
    plain,
    recorded,
    with_item,
    with_key,
    with_state,
)

from pytest_mimic import CorruptRecordingError, StaleRecordingError
from pytest_mimic._core.outcome.container import zstd_module
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.vault import Recording, Vault

HERE, OURS, POPEN = "tests_of_pickles", "pytest_mimic._core.outcome", "subprocess:Popen"
ZSTD = zstd_module().__name__


class User:
    n = 1


class Rows(list):
    pass


class Process(subprocess.Popen):
    pass


class Color(enum.Enum):
    RED = 1


class Meta(type):
    def __getitem__(cls, key):
        return cls


class Model(pydantic.BaseModel):
    n: int = 1


class Watching:
    """Its objects note what runs of them."""

    @property
    def size(self):
        raise AssertionError("a property ran")


def settings():
    return SETTINGS


def helper():
    return 1


SETTINGS = {"debug": False}
NAMES = ["Oslo"]
USER = User()
FRAME = pandas.DataFrame({"a": [1]})


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Import this module under a name that a pickle can import."""
    monkeypatch.setitem(sys.modules, HERE, sys.modules[__name__])


@pytest.fixture
def touched(tmp_path, monkeypatch):
    """Run in an empty folder, and return a path in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "touched"


TOUCH = "__import__('pathlib').Path('touched').touch()"


RUNNING = {
    "builtins:type": call(
        "builtins:type",
        "X",
        (named("pydantic:BaseModel"),),
        {"__module__": HERE, "__annotations__": {"x": TOUCH}},
    ),
    "numpy.testing._private.utils:measure": call("numpy.testing._private.utils:measure", TOUCH),
    "pandas:DataFrame.query": call("pandas:DataFrame.query", named(f"{HERE}:FRAME"), f"a == @{TOUCH}"),
    "django.utils.module_loading:import_string": call(
        "django.utils.module_loading:import_string", "turtledemo.chaos.main"
    ),
    "a file of zstd": call(f"{ZSTD}:ZstdFile", "touched", "w"),
    "numpy:memmap": call("numpy:memmap", "touched", "u1", "w+", 0, (8,)),
    "scipy.io:savemat": call("scipy.io:savemat", "touched", {"a": 1}),
    "xml.etree.ElementTree:ElementTree": call("xml.etree.ElementTree:ElementTree", None, "read.xml"),
    "traceback:FrameSummary": call("traceback:FrameSummary", "read.xml", 1, "f"),
    "shlex:shlex": call("shlex:shlex", None, "read.xml"),
    "pandas:read_csv": call("pandas:read_csv", "read.xml"),
    "PIL.Image:open": call("PIL.Image:open", "read.xml"),
    "requests.api:get": call("requests.api:get", "http://127.0.0.1"),
    "tempfile:_TemporaryFileCloser": with_state(
        bare("tempfile:_TemporaryFileCloser"),
        {"name": "kept", "delete": True, "close_called": False, "file": 1, "cleanup_called": False},
    ),
    # What a pickle makes, and then calls or hands to what was not made for it.
    "functools:partial": call("functools:partial", named("builtins:exec"), TOUCH) + b")R",
    "an attribute that is called": with_item(
        with_state(bare(f"{HERE}:User"), {"append": named("builtins:exec")}), TOUCH
    ),
    "an attribute of a namespace that is called": with_item(
        with_state(call("types:SimpleNamespace"), {"append": named("builtins:exec")}), TOUCH
    ),
    "a state by an attribute": with_state(
        with_state(bare(f"{HERE}:User"), {"__setstate__": named("builtins:exec")}), TOUCH
    ),
    "builtins:list of builtins:map": call(
        "builtins:list", call("builtins:map", named("builtins:exec"), [TOUCH])
    ),
    "builtins:iter of a function": call("builtins:list", call("builtins:iter", named("time:time"), 0.5)),
    "copyreg:_reconstructor": call("copyreg:_reconstructor", named(f"{HERE}:User"), named("builtins:type"), "X"),
    "pandas' index of another class": call(
        "pandas.core.indexes.base:_new_Index", named(f"{ZSTD}:ZstdFile"), {"file": "touched", "mode": "w"}
    ),
    "a property": with_state(bare("urllib.request:Request"), (None, {"full_url": "http://127.0.0.1"})),
    "an attribute that is fetched": named(f"{HERE}:USER.n"),
    "a class by a library's method": with_state(bare("PIL.Image:Image"), [{}, "L", bare(f"{HERE}:User"), None, ""]),
    "an odd state": with_state(bare(f"{HERE}:User"), bare("email.message:Message")),
    "re:_compile with DEBUG": call("re:_compile", "a", 128),
    # What a builder keeps, and calls later.
    "a class that a partial calls": call("functools:partial", named(POPEN), ["touch"]),
    "a class that a state hands to a partial": with_state(
        call("functools:partial", named(f"{HERE}:helper")), (named(POPEN), (["touch"],), {}, None)
    ),
    "a class by two partials": call("functools:partial", named("functools:partial"), named(POPEN), ["touch"]),
    "an odd state of a partial": with_state(call("functools:partial", named(f"{HERE}:helper")), [named(POPEN)]),
    "a project's class that starts as another": call("functools:partial", named(f"{HERE}:Process"), ["touch"]),
    "a builder of another class by a partial": call(
        "functools:partial", named("pandas.core.indexes.base:_new_Index"), named(f"{ZSTD}:ZstdFile"), {"file": "touched"}
    ),
    "an alias that a partial calls": call("functools:partial", call("types:GenericAlias", named(POPEN), 1), ["touch"]),
    "an object that a partial calls": call("functools:partial", with_state(bare("numpy:vectorize"), {"pyfunc": named(POPEN)})),
    "a factory": call("collections:defaultdict", named("tempfile:TemporaryDirectory")),
    "a factory by a partial": call("collections:defaultdict", call("functools:partial", named(POPEN), ["touch"])),
    "a factory as a slot": with_state(bare("collections:defaultdict"), (None, {"default_factory": named("tempfile:TemporaryDirectory")})),
    "a namespace in place of a text": call(
        "uuid:UUID", with_state(call("types:SimpleNamespace"), {"replace": named("tempfile:TemporaryDirectory")})
    ),
    "an object of numpy in place of a text": call(
        "uuid:UUID", with_state(bare("numpy:vectorize"), {"replace": named("tempfile:TemporaryDirectory")})
    ),
    "a dtype that is no copy": with_state(call("numpy:dtype", "f8", False, False), (3, ">", None, None, None, -1, -1, 0)),
}  # fmt: skip


@pytest.mark.parametrize("thing", RUNNING.values(), ids=RUNNING)
def test_nothing_runs_that_is_not_listed_as_code(thing, touched, capfd):
    for name in ("kept", "read.xml"):
        (touched.parent / name).write_text("<a/>")
    stream = body(thing)

    with effects() as met, pytest.raises(CorruptRecordingError, match="does not list as code"):
        load(recorded(stream, names_in(stream)))

    assert sorted(path.name for path in touched.parent.iterdir()) == ["kept", "read.xml"]
    assert not any("read.xml" in effect or "socket.connect" in effect for effect in met)
    assert "turtledemo.chaos" not in sys.modules
    assert capfd.readouterr().out == ""


STATE = (None, {"n": 2})
ITEM = call("_operator:getitem", [named(f"{HERE}:User")], 0)
CHANGING = {
    "class": with_state(named(f"{HERE}:User"), STATE),
    "object": with_state(named(f"{HERE}:USER"), {"n": 2}),
    "item": with_key(named(f"{HERE}:SETTINGS"), "debug", 1),
    "append": with_item(named(f"{HERE}:NAMES"), 1),
    "function": with_state(named(f"{HERE}:helper"), {"n": 2}),
    "module": with_state(named(f"{HERE}:types"), {"n": 2}),
    "class out of a list": with_state(ITEM, STATE),
    "class by its attribute": with_state(call("builtins:object.__class__", named(f"{HERE}:USER")), STATE),
    "class by a method": with_state(call("builtins:getattr", named(f"{HERE}:USER"), "__class__"), STATE),
    "class by its metaclass": with_state(call(f"{HERE}:Meta.__getitem__", named(f"{HERE}:User"), 0), STATE),
    "member": with_state(bare(f"{HERE}:Color", 1), {"n": 2}),
    "member by a call": with_state(call(f"{HERE}:Color", 1), {"n": 2}),
    "member by its name": with_state(
        call(f"{OURS}.reducing:member", named(f"{HERE}:Color"), "RED"), {"n": 2}
    ),
    "dict of a function": with_key(call(f"{HERE}:settings"), "debug", 1),
    "dict of a module": with_key(call("builtins:vars", named(f"{HERE}:types")), "n", 2),
    "setattr": call("builtins:setattr", named(f"{HERE}:User"), "n", 2),
    "setitem": call("_operator:setitem", named(f"{HERE}:SETTINGS"), "debug", 1),
    "_function_setstate": call(
        "cloudpickle.cloudpickle:_function_setstate", named(f"{HERE}:helper"), ({"n": 2}, {})
    ),
    "_class_setstate": call("cloudpickle.cloudpickle:_class_setstate", named(f"{HERE}:User"), ({"n": 2}, {})),
    "_class_setstate of an item": call("cloudpickle.cloudpickle:_class_setstate", ITEM, ({"n": 2}, {})),
    "exception": call(
        "pytest_mimic._core.outcome.exceptions:restore", named(f"{HERE}:USER"), {"attributes": {"n": 2}}
    ),
    "dtype": with_state(call("numpy:dtype", "f8", False, False), (3, ">", None, None, None, -1, -1, 0)),
}


def faces():
    """Return what the pickles try to change."""
    import numpy

    return (
        dict(vars(User)), dict(vars(USER)), dict(SETTINGS), list(NAMES), vars(Color.RED).copy(), dict(vars(helper)),
        vars(types).copy(), dict(vars(Color)), numpy.dtype("f8").byteorder,
    )  # fmt: skip


@pytest.mark.parametrize("listed", ["imports", "code"])
@pytest.mark.parametrize("thing", CHANGING.values(), ids=CHANGING)
def test_nothing_that_is_imported_is_changed(thing, listed):
    """Also where all its names are listed as code."""
    stream = body(thing)
    names = names_in(stream)
    before = faces()

    with pytest.raises((CorruptRecordingError, StaleRecordingError)):
        load(recorded(stream, **{"imports": (), listed: names}))

    assert faces() == before


@pytest.mark.parametrize(
    "thing",
    ["class out of a list", "class by its attribute", "class by a method", "class by its metaclass",
     "member by a call", "member by its name", "member"],
)  # fmt: skip
def test_a_listed_state_is_never_that_of_a_class_or_member(thing):
    stream = body(CHANGING[thing])
    names = names_in(stream)
    before = faces()

    with pytest.raises(CorruptRecordingError, match="it changes a"):
        load(recorded(stream, (), [*names, *(f"{name}+state" for name in names)]))

    assert faces() == before


def test_a_listed_state_of_another_result_is_set():
    """As of a tree of scikit-learn's, which a function makes and the pickle fills."""
    stream = body(with_key(call("copy:copy", named(f"{HERE}:SETTINGS")), "debug", 1))
    names = names_in(stream)

    with pytest.raises(
        CorruptRecordingError, match=r"imports copy:copy\+state, which .* does not list as code"
    ):
        load(recorded(stream, names, ["copy:copy"]))
    assert load(recorded(stream, names, ["copy:copy", "copy:copy+state"])) == {"debug": 1}
    assert SETTINGS == {"debug": False}


DATA = {
    "bare": (bare(f"{HERE}:User"), User),
    "state": (with_state(bare(f"{HERE}:User"), {"n": 3}), User),
    "items": (with_item(bare(f"{HERE}:Rows"), 1), Rows),
    "ordered": (with_key(call("collections:OrderedDict"), "a", 1), collections.OrderedDict),
    "member": (call(f"{OURS}.reducing:member", named(f"{HERE}:Color"), "RED"), Color),
    "builtin": (call("builtins:set", [1]), set),
    "model": (bare(f"{HERE}:Model"), Model),
    "partial": (
        with_state(
            call("functools:partial", named(f"{HERE}:helper")),
            (named(f"{HERE}:User"), (named(POPEN),), {}, None),
        ),
        functools.partial,
    ),
    "partial of a builtin": (
        with_state(
            call("functools:partial", named("builtins:int")), (named("builtins:int"), (), {"base": 2}, None)
        ),
        functools.partial,
    ),
    "factory": (call("collections:defaultdict", named("collections:OrderedDict")), collections.defaultdict),
    "nested factory": (
        call(
            "collections:defaultdict",
            call("functools:partial", named("collections:defaultdict"), named("builtins:list")),
        ),
        collections.defaultdict,
    ),
    "no factory": (call("collections:defaultdict", None), collections.defaultdict),
}


@pytest.mark.parametrize(("thing", "kind"), DATA.values(), ids=DATA)
def test_data_loads_without_a_list_of_code(thing, kind):
    stream = body(thing)

    assert type(load(recorded(stream, names_in(stream)))) is kind


def test_an_extension_by_number_is_refused(monkeypatch):
    """Python keeps what it has imported for one, so that no list would be asked."""
    import copyreg

    copyreg.add_extension("os", "system", 240)
    try:
        with pytest.raises(CorruptRecordingError, match="by a number of copyreg's"):
            load(recorded(body(b"\x82\xf0" + plain(("true",)) + b"R"), ["os:system"], ["os:system"]))
    finally:
        copyreg.remove_extension("os", "system", 240)


def test_every_pickle_of_a_file_is_checked():
    """One that was found to be harmless alone may be followed by another."""
    first, second = body(plain(None)), body(CHANGING["class"])
    before = faces()
    load(recorded(first + second, [f"{HERE}:User"]))

    with pytest.raises(CorruptRecordingError, match="changes a class or an object"):
        load(recorded(first + second, [f"{HERE}:User"], count=2))

    assert faces() == before


def test_recording_does_not_run_the_pickle_that_is_there(monkeypatch):
    """Although it has the name of that of an equal outcome."""
    store = recorded(body(CHANGING["class"]), [f"{HERE}:User"])
    before = faces()
    vault = Vault(store)
    stored = vault.stored(Outcome("value", VALUE), 0.5)

    vault.write(NAME.replace("00", "11"), Recording("shop:f", None, None, None, "2026", None, [stored]))

    assert faces() == before
    assert vault.read(NAME.replace("00", "11")).outcomes[0].load().value == VALUE
