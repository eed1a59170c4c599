"""The options of a target, in a line and by keyword, and what is wrong with them."""

from __future__ import annotations

import pytest

from pytest_mimic import TargetError
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.targets.target import as_targets, parse_target


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("redis volatile=result", r"redis: volatile=result names no part of an answer \(it has reply, replies, "),
        ("http volatile=bogus.id", r"http: volatile=bogus\.id names no part of an answer \(it has status, "),
        ("http volatile=headers.date,bodi", r"volatile=bodi .* \(did you mean body\?\)"),
        ("sqlalchemy volatile=row.*.id", r"volatile=row\.\*\.id .* \(did you mean rows\?\)"),
        ("grpc volatile=request.id", r"volatile=request\.id names no part of an answer"),
        ("mcp volatile=response", r"volatile=response names no part of an answer"),
    ],
)  # fmt: skip
def test_volatile_of_a_client_names_a_part_of_its_answers(line, says):
    with pytest.raises(TargetError, match=says):
        parse_target(line)


@pytest.mark.parametrize(
    "line",
    [
        "http volatile=headers.date,body.id,*.id,status",
        "sqlalchemy volatile=rows.*.id,lastrowid,rowcount",
        "redis volatile=reply.0,replies.*.at",
        "grpc volatile=response.id,trailing_metadata",
        "mcp volatile=result.structuredContent.at",
        "shop:f volatile=anything.at",
    ],
)
def test_volatile_takes_the_parts_of_answers_and_anything_of_a_function(line):
    assert parse_target(line).options.volatile


def test_options_follow_the_target():
    line = (
        "shop:f ignore=a,b.c,rows.*.id,rows[0].id sequence content=x rtol=1e-6 atol=0.5 "
        'volatile=headers.date compare=shape only="GET /users, POST" exclude=*/edit'
    )

    assert parse_target(line).options == Options(
        ignore=("a", "b.c", "rows.*.id", "rows[0].id"),
        match=(),
        key=None,
        sequence=True,
        content=("x",),
        rtol=1e-6,
        atol=0.5,
        volatile=("headers.date",),
        compare="shape",
        only=("GET /users", "POST"),
        exclude=("*/edit",),
    )
    assert parse_target("httpx match=headers.accept,body").options == Options(
        match=("headers.accept", "body")
    )


def test_options_can_be_given_by_keyword():
    given = {
        "ignore": "a,b",
        "only": ["GET /a,b"],
        "rtol": 1,
        "key": len,
        "sequence": None,
    }

    [target] = as_targets(["shop:f sequence"], given)

    assert target.options == Options(
        ignore=("a", "b"), only=("GET /a,b",), rtol=1.0, key=len, sequence=True
    )


def test_options_can_be_replaced():
    assert as_targets(["shop:f ignore=a"], {"rtol": 1})[0].options == Options(
        ignore=("a",), rtol=1.0
    )
    assert as_targets(["!shop:f"], {"sequence": True})[0].options == Options()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ignroe": "a"}, "there is no option ignroe (did you mean ignore?)"),
        ({"key": "str"}, "key= takes a function, not 'str'"),
        ({"rtol": True}, "rtol= takes a number that is not negative, not True"),
        ({"only": 3}, "only= takes patterns on calls, not 3"),
        ({"only": iter(["GET"])}, r"only= takes patterns on calls, not <list_iterator"),
        ({"content": [1]}, r"content= takes names of arguments, not \[1\]"),
    ],
)
def test_a_wrong_keyword_option_is_refused(options, message):
    with pytest.raises(
        TargetError,
        match="shop:f: " + message.replace("(", r"\(").replace("?)", r"\?\)"),
    ):
        as_targets(["shop:f"], options)


def test_options_must_fit_the_kind_of_target():
    with pytest.raises(
        TargetError, match=r"^httpx: ignore=hosts names no part .*did you mean host\?"
    ):
        as_targets(["httpx"], {"ignore": "hosts"})
    with pytest.raises(TargetError, match=r"^redis: key= is an option of a function$"):
        as_targets(["redis"], {"key": len})
    with pytest.raises(TargetError, match=r"^shop:f: match= is an option of a client$"):
        as_targets(["shop:f"], {"match": "headers"})

    function, client = as_targets(
        ["shop:f", "httpx"], {"ignore": "token", "match": "headers"}
    )

    assert (
        function.options
        == client.options
        == Options(ignore=("token",), match=("headers",))
    )
