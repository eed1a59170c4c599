"""The grammar of a target, its options, and the errors that name the line."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from functools import cached_property

import pytest

from pytest_mimic import TargetError
from pytest_mimic._core.targets.target import as_targets, missing_module, parse_target

ORIGIN = "pytest.ini, mimic_functions line 3"


class Client:
    def fetch(self): ...

    @classmethod
    def build(cls): ...

    @staticmethod
    def parse(): ...

    @property
    def token(self): ...

    @cached_property
    def pool(self): ...

    class Nested:
        def deep(self): ...


@pytest.mark.parametrize(
    ("line", "module", "path", "excluded"),
    [
        ("shop.api:fetch", "shop.api", ("fetch",), False),
        ("shop:Client.fetch", "shop", ("Client", "fetch"), False),
        ("shop:Client.Nested.fetch", "shop", ("Client", "Nested", "fetch"), False),
        ("shop.api:*", "shop.api", ("*",), False),
        ("shop.api:Client.*", "shop.api", ("Client", "*"), False),
        ("!shop.api:helper", "shop.api", ("helper",), True),
        ("httpx", "httpx", (), False),
        ("  shop.api:fetch   # the slow one", "shop.api", ("fetch",), False),
    ],
)
def test_every_form_of_a_line_is_accepted(line, module, path, excluded):
    target = parse_target(line)

    assert (target.module, target.path, target.excluded) == (module, path, excluded)
    assert target.is_client is (path == ())


@pytest.mark.parametrize("line", ["", "   ", "# shop.api:fetch"])
def test_a_comment_is_not_a_target(line):
    assert parse_target(line) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("openai", "openai is recorded through http: write http"),
        ("boto3 ignore=headers", "boto3 is recorded through http: write http"),
        ("asyncpg", "asyncpg is recorded through sqlalchemy: write sqlalchemy"),
    ],
)
def test_the_name_of_a_library_is_answered_with_the_client_that_records_it(
    line, message
):
    with pytest.raises(TargetError) as caught:
        parse_target(line, origin=ORIGIN)

    assert str(caught.value) == f"{ORIGIN}: {message}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("fetch", "fetch is neither package.module:function nor a client"),
        (
            "httpy",
            "httpy is neither package.module:function nor a client (did you mean http?)",
        ),
        (
            "shop.api.fetch",
            "shop.api.fetch has no colon before the function: write shop.api:fetch",
        ),
        ("shop:", "shop: is neither package.module:function nor a client"),
        (
            "shop:*.fetch",
            "shop:*.fetch is neither package.module:function nor a client",
        ),
        ("shop:f ignroe=a", "shop:f: there is no option ignroe (did you mean ignore?)"),
        (
            "shop:f frozen=a",
            "shop:f: there is no option frozen (there are atol, compare, content, exclude, ignore, key, match, only,"
            " rtol, sequence, volatile)",
        ),
        (
            "shop:f ignore",
            "shop:f: ignore= takes arguments or paths in them, not nothing",
        ),
        (
            "shop:f ignore=a..b",
            "shop:f: ignore= takes arguments or paths in them, not 'a..b'",
        ),
        (
            "shop:f rtol=-1",
            "shop:f: rtol= takes a number that is not negative, not '-1'",
        ),
        ("shop:f compare=shap", "shop:f: compare= takes exact or shape, not 'shap'"),
        ("shop:f sequence=2", "shop:f: sequence= takes true or false, not '2'"),
        ("shop:f key=str", "shop:f: key= takes a function, so it works in Python only"),
        ("shop:f rtol=1 rtol=2", "shop:f: rtol is given twice"),
        ("!shop:f sequence", "!shop:f is an exclusion, which takes no options"),
        (
            "!httpx",
            "!httpx excludes a client, leave out its calls: httpx exclude=PATTERN",
        ),
        ('shop:f only="GET', 'shop:f only="GET cannot be read: no closing quotation'),
    ],
)
def test_a_wrong_line_is_reported_in_one_line(line, message):
    with pytest.raises(TargetError) as error:
        parse_target(line, origin=ORIGIN)

    assert str(error.value) == f"{ORIGIN}: {message}"


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (Client.fetch, f"{__name__}:Client.fetch"),
        (Client().fetch, f"{__name__}:Client.fetch"),
        (Client.build, f"{__name__}:Client.build"),
        (Client.parse, f"{__name__}:Client.parse"),
        (Client.token, f"{__name__}:Client.token"),
        (Client.pool, f"{__name__}:Client.pool"),
        (Client.Nested.deep, f"{__name__}:Client.Nested.deep"),
        (missing_module, "pytest_mimic._core.targets.target:missing_module"),
        (time.time, "time:time"),
        (random.randint, "random:randint"),
    ],
)
def test_a_function_is_named_by_its_importable_name(function, name):
    assert as_targets([function])[0].name == name


def test_objects_without_an_importable_name_are_refused():
    def local(): ...

    with pytest.raises(TargetError, match="is local or a lambda"):
        as_targets([local])
    with pytest.raises(TargetError, match="is local or a lambda"):
        as_targets([lambda: 1])
    with pytest.raises(
        TargetError, match=r"Client is a class, .*name its methods: .*Client\.\*"
    ):
        as_targets([Client])
    with pytest.raises(
        TargetError, match="3 is not a function with an importable name"
    ):
        as_targets([3])
    with pytest.raises(TargetError, match="names no target"):
        as_targets(["# nothing"])


@pytest.mark.parametrize(
    "line",
    [
        "shop:f",
        "shop.api:f",
        "space.inner.deep:f",
        "json.decoder:f",
        "os.path:join",
        "sys:exit",
        "_frozen_importlib:f",
    ],
)
def test_a_module_is_found_without_importing_it(line, shop):
    before = set(sys.modules)

    error = missing_module(parse_target(line))

    assert error is None
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "shop.apy:f",
            "shop.apy:f does not exist: there is no module shop.apy (did you mean shop.api?)",
        ),
        (
            "shpo.api:f",
            "shpo.api:f does not exist: there is no module shpo.api (did you mean shop.api?)",
        ),
        ("jsn:f", "jsn:f does not exist: there is no module jsn (did you mean json?)"),
        ("shop.api.x:f", "shop.api.x:f does not exist: there is no module shop.api.x"),
    ],
)
def test_a_missing_module_is_reported_with_the_closest_one(line, message, shop):
    error = missing_module(parse_target(line, origin=ORIGIN))

    assert str(error) == f"{ORIGIN}: {message}"


def test_a_client_that_is_not_installed_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)

    assert (
        str(missing_module(parse_target("redis")))
        == "the client redis is not installed\n  to install it: pip install redis"
    )


@pytest.mark.parametrize(
    "line",
    [
        "shop.api:fetch",
        "  shop.api:Client.fetch\tignore=a,b.c  sequence=yes ",
        "shop.api:größe",
        "httpx only=/users/* exclude=*/edit match=headers.accept",
    ],
)
def test_plain_line_reads_as_one_with_a_comment(line):
    """A line without quotes and comments is split at its blanks; shlex splits all others."""
    plain, commented = parse_target(line), parse_target(f"{line} # and why")

    assert plain == commented


def test_a_line_is_checked_without_loading_an_adapter() -> None:
    """The start of each run would take as long."""
    lines = [
        "http ignore=query volatile=body.id",
        "redis ignore=database",
        "sqlalchemy ignore=params",
    ]
    lines += [
        "redis ignore=command.1",
        "grpc ignore=metadata",
        "mcp ignore=params",
        "httpx match=headers.accept",
    ]
    code = f"""
import sys
import pytest_mimic._run.configuration
from pytest_mimic._core.targets.target import parse_target
for line in {lines!r}:
    assert parse_target(line)
clients = {{name for name in sys.modules if name.startswith("pytest_mimic._clients.")}}
assert clients == {{"pytest_mimic._clients.bundled"}}, clients
"""

    subprocess.run([sys.executable, "-c", code], check=True)
