"""The patterns of `only` and `exclude`: a verb, a resource or both, with shell-style wildcards."""

from __future__ import annotations

import pytest
from support.face import takes

SHOP = "api.shop.com"


@pytest.mark.parametrize(
    ("pattern", "signature", "host", "taken"),
    [
        # a verb
        ("POST", "POST /users", SHOP, True),
        ("POST", "GET /users", SHOP, False),
        ("SELECT", "SELECT users", None, True),
        ("GET", "GET user:1", None, True),
        ("PING", "PING", None, True),
        ("P*", "PATCH /users", SHOP, True),
        # a lone word in capitals is a verb, a lone one in lower case a resource
        ("USERS", "SELECT USERS", None, False),
        ("* USERS", "SELECT USERS", None, True),
        ("get", "GET user:1", None, False),
        ("users", "SELECT users", None, True),
        # a path
        ("/users", "GET /users", SHOP, True),
        ("/users", "GET /users/1", SHOP, False),
        ("/users/*", "GET /users/1", SHOP, True),
        ("/users/*", "GET /users/1/edit", SHOP, True),
        ("/users/*", "GET /users", SHOP, False),
        ("*/edit", "GET /posts/1/edit", SHOP, True),
        ("*/edit", "GET /edit/1", SHOP, False),
        ("/users/?", "GET /users/1", SHOP, True),
        ("/users/[12]", "GET /users/3", SHOP, False),
        ("/Users", "GET /users", SHOP, False),
        ("*.json", "GET /data.json", SHOP, True),
        # both
        ("GET /users", "GET /users", SHOP, True),
        ("GET /users", "POST /users", SHOP, False),
        ("get /users", "GET /users", SHOP, True),
        ("GET  /users", "GET /users", SHOP, True),
        ("* /users", "DELETE /users", SHOP, True),
        # a host
        ("api.shop.com/users/*", "GET /users/1", SHOP, True),
        ("api.shop.com/users/*", "GET /users/1", "www.shop.com", False),
        ("*.shop.com/*", "GET /users", SHOP, True),
        ("*.shop.com/*", "GET /", SHOP, True),
        ("*.shop.com/*", "GET /users", "shop.org", False),
        ("*.shop.com/*", "GET /www.shop.com/x", "evil.org", False),
        ("GET *.shop.com/*", "POST /users", SHOP, False),
        ("API.shop.com/users", "GET /users", SHOP, True),
        ("api.shop.com", "GET /users", SHOP, True),
        ("localhost/users", "GET /users", "localhost:8000", True),
        ("localhost:8000/users", "GET /users", "localhost:8000", True),
        ("localhost:9000/users", "GET /users", "localhost:8000", False),
        ("*:8000/*", "GET /users", "localhost:8000", True),
        ("*:9000/*", "GET /users", "localhost:8000", False),
        ("api.shop.com:443/*", "GET /users", SHOP, True),
        ("api.shop.com:8443/*", "GET /users", SHOP, False),
        ("/users", "GET /users", "localhost:8000", True),
        # SQL and Redis
        ("SELECT users", "SELECT users", None, True),
        ("SELECT users", "SELECT orders", None, False),
        ("user:*", "GET user:1", None, True),
        ("user:*", "GET order:1", None, False),
        ("GET user:1", "GET user:1", None, True),
        # functions
        ("shop.api:*", "shop.api:fetch_rates", None, True),
        ("shop.api:*", "shop.db:load", None, False),
        ("shop.api:fetch_rates", "shop.api:fetch_rates", None, True),
        ("GET", "shop.api:fetch_rates", None, False),
        ("*", "GET /users", SHOP, True),
    ],
)
def test_a_pattern_names_a_verb_a_resource_or_both(pattern, signature, host, taken):
    assert takes(signature, host, only=[pattern]) is taken
    assert takes(signature, host, exclude=[pattern]) is not taken


def test_without_patterns_every_call_is_selected():
    assert takes("GET /users", SHOP)


def test_a_list_matches_if_one_of_its_patterns_does():
    assert takes("POST /orders", SHOP, only=["GET /users", "POST"])
    assert not takes("GET /orders", SHOP, only=["GET /users", "POST"])


def test_exclude_wins_over_only():
    assert takes("GET /users/1", SHOP, only=["/users/*"], exclude=["*/edit"])
    assert not takes("GET /users/1/edit", SHOP, only=["/users/*"], exclude=["*/edit"])


def test_exclude_alone_selects_all_other_calls():
    assert takes("POST /v1/traces", SHOP, exclude=["*.telemetry.io/*"])
    assert not takes("POST /v1/traces", "eu.telemetry.io", exclude=["*.telemetry.io/*"])
