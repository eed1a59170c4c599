"""Boundaries in a run: what of a request counts, what belongs to the call around it, what is never stale."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("httpx", reason="needs httpx")

from http_server import running_server

LEAVING_OUT = """
    import os
    import httpx, pytest
    from pytest_mimic import mimic

    @pytest.mark.parametrize(
        ("options", "differs"),
        [
            ({"ignore": "port,host"}, {"host": "localhost"}),
            ({"ignore": "port,query"}, {"page": "2"}),
            ({"ignore": "port,query.page"}, {"page": "2"}),
            ({"ignore": "port,body"}, {"n": 2}),
            ({"ignore": "port,body.n"}, {"n": 2}),
            ({"ignore": "port"}, {"accept": "text/html"}),
            ({"ignore": "port,headers.host,headers.accept", "match": "headers"}, {"accept": "text/html"}),
            ({"ignore": "port,headers.host", "match": "headers"}, {"host": "127.0.0.1"}),
        ],
    )
    def test_it(options, differs):
        asked = {"host": "127.0.0.1", "page": "1", "n": 1, "accept": "text/plain"}
        if "AGAIN" in os.environ:
            asked |= differs
        with mimic("httpx", **options):
            httpx.post(
                f"http://{asked['host']}:{os.environ['PORT']}/echo?page={asked['page']}",
                json={"n": asked["n"]},
                headers={"accept": asked["accept"]},
            )
"""


def test_a_part_that_is_left_out_makes_no_other_request(project):
    """Host, port, query, body and, where `match=` names them, headers: whole, or by path."""
    project.ini()
    project.write("test_it.py", LEAVING_OUT)
    with running_server() as server:
        project.record(env={"PORT": server.url.rpartition(":")[2]}).expect(passed=8)

    run = project.replay(env={"PORT": "9", "AGAIN": "1"}).expect(passed=8)

    assert run.changed == set()


def test_a_request_inside_a_recorded_call_is_part_of_that_call(project):
    """It is not recorded on its own; outside of such a call it is, without a source that could go stale."""
    project.ini("shop:fetch", "httpx ignore=port")
    project.write(
        "shop.py",
        """
        import os
        import httpx

        def fetch(number):
            return httpx.get(f"{os.environ['API']}/items/{number}").json()
        """,
    )
    project.write(
        "test_shop.py",
        """
        import os
        import httpx, shop

        def test_inside():
            assert shop.fetch(1)["path"] == "/items/1"

        def test_outside():
            assert httpx.get(os.environ["API"] + "/items/2").status_code == 200
        """,
    )

    with running_server() as server:
        recorded = project.record(env={"API": server.url}).expect(passed=2)
        assert len(server.seen) == 2
    project.replay(env={"API": "http://127.0.0.1:9"}).expect(passed=2)

    kept = [json.loads(data) for name, data in recorded.vault.items() if name.startswith("calls/")]
    assert {one["target"]: one["source"] is None for one in kept} == {"shop:fetch": False, "httpx": True}
    assert len(kept) == 2


def test_a_miss_shows_what_match_adds(project):
    """A header that counts is named with both its values; one that is absent now as missing."""
    project.ini("httpx ignore=port match=headers.accept,headers.x-kind")
    project.write(
        "test_it.py",
        """
        import os
        import httpx

        def test_it():
            kind = {"x-kind": "big"} if "KIND" in os.environ else {}
            httpx.get(os.environ["API"] + "/text", headers={"accept": os.environ["ACCEPT"], **kind})
        """,
    )
    with running_server() as server:
        project.record(env={"API": server.url, "ACCEPT": "a/a", "KIND": "1"}).expect(passed=1)

    project.replay(env={"API": "http://127.0.0.1:9", "ACCEPT": "c/c"}).expect(
        failed=1,
        says=["headers.accept: 'a/a' recorded, 'c/c' now", "headers.x-kind: recorded, missing now"],
    )
