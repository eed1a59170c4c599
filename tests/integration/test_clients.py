"""Section 7, HTTP in a run: the parts of a request that count, and the calls around it."""

from __future__ import annotations

import pytest

pytest.importorskip("httpx", reason="needs httpx")


LARGE_BODIES = """
    import base64, os

    IMAGE = bytes(range(256)) * 1_200
    CHANGED = IMAGE[:199_808] + b"!" + IMAGE[199_809:]
    KINDS = {
        "json": lambda text, image: {"json": {"model": "m", "image": text, "rows": [*range(5_000), text[266_411]]}},
        "text file": lambda text, image: {"files": {"rows": ("rows.csv", text)}},
        "file": lambda text, image: {"files": {"image": ("cat.png", image, "image/png")}},
    }

    @pytest.mark.parametrize("kind", KINDS)
    def test_it(kind):
        image = CHANGED if "AGAIN" in os.environ else IMAGE
        httpx.post(os.environ["API"] + f"/nothing/{kind}", **KINDS[kind](base64.b64encode(image).decode(), image))
"""


def test_a_large_body_makes_no_large_recording(project):
    """It still counts in full, and a miss shows that it differs."""
    project.ini("httpx ignore=port")
    project.tests(LARGE_BODIES)
    with project.shop():
        recorded = project.record().expect(passed=3)
    sizes = [len(call.text) for call in recorded.calls]

    nowhere = {"API": "http://127.0.0.1:9"}
    project.replay(env=nowhere).expect(passed=3)
    missed = project.replay(env={**nowhere, "AGAIN": "1"}).expect(failed=3)

    assert len(sizes) == 3
    assert max(sizes) < 70_000
    assert "  body.image: '...BxcnN0dXZ3" in missed.output
    assert "body.rows[5000]: 'A' recorded, 'h' now" in missed.output
    assert missed.output.count("body.image") >= 2  # of the JSON, and of the form
    assert "every run" not in missed.output  # another file is no id


WHOLE = """
    from pytest_mimic import mimic

    SYSTEM = "Be kind.\\n" * 900
    TOOLS = [{"name": f"tool {number}", "text": "x" * 99} for number in range(500)]

    @pytest.mark.parametrize("number", [1, 2])
    def test_it(number):
        body = {"system": SYSTEM, "tools": TOOLS, "schema": {"$ref": ["y" * 3000]}, "number": number}
        assert httpx.post(os.environ["API"] + "/nothing", json=body).is_success

    def test_cassette(mimic_auto):
        with mimic_auto("here", targets=["http ignore=port"]) as cassette:
            httpx.post(os.environ["API"] + "/nothing", json={"system": SYSTEM})
        assert cassette.calls[0].arguments["body"]["system"] == SYSTEM
"""


def test_the_whole_of_a_request_is_kept_and_shared(project):
    project.ini("http ignore=port")
    project.tests(WHOLE)
    with project.shop():
        recorded = project.record().expect(passed=3)
        again = project.run("--mimic-rerecord").expect(passed=3)
    offline = {"API": "http://127.0.0.1:9"}

    project.replay(env=offline).expect(passed=3)

    assert again.changed == set()
    [name] = (
        name
        for name, data in recorded.vault.items()
        if name.startswith("objects/") and data.count(b"Be kind.") == 900
    )
    shown = project.command("show", "test_shop.py").out
    assert shown.count("Be kind.") >= 900
    assert all(f"'tool {number}'" in shown for number in range(500))
    (project.vault / name).write_text("[]")
    damaged = project.command("check")
    assert (damaged.code, name in damaged.out) == (1, True)
    project.replay("-k", "test_it", env=offline).expect(
        passed=2, deselected=1
    )  # only a miss reads it
    (project.vault / name).unlink()
    assert "is missing" in project.command("check").out
    assert project.command("rm", "test_shop.py").code == 0
    assert not [name for name in project.files() if "objects/" in name]


TALK = """
def test_it(mimic_auto):
    url = os.environ["API"]
    place = url.removeprefix("http://")  # 127.0.0.1 and the port
    excluded = ["127.0.0.1/pages", f"{place}/items/*", "127.0.0.1:9/echo"]
    with mimic_auto("talk", targets=["httpx"], exclude=excluded) as cassette:
        httpx.get(url + "/users/1?page=2")
        httpx.get(url + "/pages")
        httpx.get(url + "/items/1")
        httpx.post(url + "/echo", json={"a": [1]})
    assert [call.signature for call in cassette.calls] == ["GET /users/1 \u2192 200", "POST /echo \u2192 200"]
    [get, post] = cassette.calls
    assert get.match("GET /users/*") and get.match("127.0.0.1/*") and not get.match("POST")
    assert get.match(f"GET {place}/users/*") and not get.match(exclude=f"{place}/*") and not get.match("*:9/*")
    assert (get.kind, get.arguments["query"], post.arguments["body"]) == ("http", {"page": "2"}, {"a": [1]})
"""


def test_a_cassette_holds_a_conversation_in_order(project):
    """Excluded calls are real each time."""
    project.ini()
    project.write("test_talk.py", TALK)

    with project.shop() as server:
        project.run().expect(passed=1)
        project.run().expect(passed=1)

    both = ["GET /users/1?page=2", "GET /pages", "GET /items/1", "POST /echo"]
    assert server.seen == [*both, "GET /pages", "GET /items/1"]


HEADERS = {
    "Accept": ("text/html", "application/json"),
    "Range": ("bytes=0-9", "bytes=10-19"),
    "If-Match": ('"one"', '"two"'),
    "If-None-Match": ('"one"', '"two"'),
    "If-Modified-Since": (
        "Mon, 02 Nov 2026 10:00:00 GMT",
        "Tue, 03 Nov 2026 10:00:00 GMT",
    ),
    "Prefer": ("return=minimal", "return=representation"),
    "X-HTTP-Method-Override": ("PATCH", "DELETE"),
    "X-Amz-Target": ("DynamoDB_20120810.GetItem", "DynamoDB_20120810.DeleteItem"),
    "SOAPAction": ('"urn:add"', '"urn:remove"'),
    "Depth": ("0", "1"),
    "X-Ms-Range": ("bytes=0-9", "bytes=10-19"),
    "Dropbox-API-Arg": ('{"path": "/a"}', '{"path": "/b"}'),
    "X-Goog-FieldMask": ("places.id", "places.name"),
    "Accept-Profile": ("public", "tenant"),
}


def test_answers_of_one_url_that_a_header_chooses_are_calls_of_their_own(project):
    """Beside a plain request, they come back to those who asked for them: in any order, in threads and in tasks."""
    pytest.importorskip("requests")
    project.ini("http")
    project.tests(f"""
        from concurrent.futures import ThreadPoolExecutor

        HEADERS, URL = {HEADERS!r}, os.environ["API"] + "/chosen"

        def one_by_one(headers):
            return [httpx.get(URL, headers=one).text for one in headers]

        def in_threads(headers):
            with ThreadPoolExecutor(3) as pool:
                return list(pool.map(lambda one: requests.get(URL, headers=one).text, headers))

        def in_tasks(headers):
            async def main():
                async with httpx.AsyncClient() as client:
                    return await asyncio.gather(*(client.get(URL, headers=one) for one in headers))
            return [answer.text for answer in asyncio.run(main())]

        ALL = [("Accept", in_threads), ("Accept", in_tasks), *((name, one_by_one) for name in HEADERS)]

        @pytest.mark.parametrize(("name", "ask"), ALL)
        def test_it(name, ask):
            values = sorted(["", *HEADERS[name]], reverse="REVERSED" in os.environ)
            assert ask([{{name: value}} if value else {{}} for value in values]) == values
    """)

    with project.shop():
        project.record().expect(passed=2 + len(HEADERS))
    project.replay().expect(passed=2 + len(HEADERS))
    project.replay(env={"REVERSED": "1"}).expect(passed=2 + len(HEADERS))
