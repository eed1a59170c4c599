"""`--mimic-verify`: what an exception of a library drags along is no drift."""

from __future__ import annotations

import pytest
from support import loopback

SHOP = """
import {client}

def fetch():
    {client}.get("{url}/gone").raise_for_status()
"""


class Gone(loopback.Handler):
    """Answers 404, with another cookie and another id each time."""

    price = 1
    count = 0

    def do_GET(self) -> None:
        Gone.count += 1
        self.json({"price": Gone.price}, 404, X_Request=str(Gone.count))


@pytest.fixture
def shop(project):
    pytest.importorskip("requests")
    with loopback.serving(loopback.Server(Gone)) as server:
        project.ini("shop:fetch")
        project.module(SHOP.format(client="requests", url=server.url))
        project.tests("""
            import pytest, requests, shop

            def test_gone():
                with pytest.raises(requests.HTTPError):
                    shop.fetch()
        """)
        yield project
    Gone.price = 1


def test_an_error_of_requests_verifies(shop):
    shop.record().expect(passed=1)

    shop.run("--mimic-verify").expect(passed=1)


def test_another_body_of_its_response_is_a_drift(shop):
    shop.record().expect(passed=1)
    Gone.price = 2

    run = shop.run("--mimic-verify").expect(failed=1)

    assert "response._content" in run.output
    assert "elapsed" not in run.output
