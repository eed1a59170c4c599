"""What has nothing to hide is what redaction leaves as it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_mimic._core.redact.nothing_to_hide import has_nothing_to_hide
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import holds_unhidden_text
from pytest_mimic._core.seam.call_secrets import Secrets
from pytest_mimic._core.tree.outcome_trees import without_secrets

REDACTORS = (
    Redactor(),
    Redactor(["motto", "https", "!token"]),
    Redactor().of_configuration,
)
GOOGLE_KEY = "AIza" + "Sy0-_x7" * 5
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n"
TOKEN = "abcdefgh12345678wxyz"

names = st.one_of(
    st.sampled_from(
        [
            *("id", "name", "Name", "key", "value", "Value", "op", "path", "user"),
            *("token", "session", "sign", "pin", "card_pin", "tokens", "token_count"),
            *("code", "state", "grant_type", "kty", "k", "pass", "login", "email"),
            *("columns", "rows", "command", "commands", "chunks", "motto", "https"),
        ]
    ),
    st.text(max_size=12),
)
texts = st.one_of(
    st.text(max_size=40),
    st.text("ab-=:/ ;&?#@<{[.1", max_size=30),
    st.sampled_from(
        [
            *("password", "token", "AUTH", "--token", "-p", "--token abc", TOKEN),
            *("2024-05-01T10:30:00Z", "2024-05-01 10:30", "12:30", "a-b", "a - b"),
            *("https://shop.com/a-b/~c", "https://ann:pw@shop.com", "token: abc"),
            *("https://shop.com/;token=abc", "http://x/?token=abc", "token=abc"),
            *('{"token": "abc"}', "<token>abc</token>", "query { a }", "token://abc"),
            *(f"see {GOOGLE_KEY}", GOOGLE_KEY, JWT, f"see {JWT} there", "ST-1-abc"),
            *("<redacted>", "<redacted:1a2b3c4d>", "%3Credacted%3E", "&lt;redacted>"),
            *("token=abc\nb", "a\ntoken: abc", "1909090123456789", "/token", "motto"),
        ]
    ),
)
plain_data = st.recursive(
    st.one_of(texts, st.integers(), st.floats(), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.dictionaries(names, inner, max_size=6),
        st.lists(inner, max_size=6),
        st.tuples(texts, inner).map(list),
    ),
    max_leaves=20,
)


def hidden_by_each_rule(plain: Any, redactor: Redactor) -> list[Any]:
    """Return plain data as each rule of redaction leaves it."""
    secrets = Secrets(redactor.by_look())
    secrets.learn(plain)
    assert secrets.stand_in_by_secret == {}
    return [
        redactor.scrub(plain),
        redactor.scrub(plain, stored=True, keep_types=True),
        secrets.scrub(plain, keep_types=True),
        without_secrets({"": plain}, redactor)[""],
    ]


@given(plain_data)
@example(["run", "--token", "abc"])
@example("run --token abc")
@example({"name": GOOGLE_KEY})
@example(f"see {JWT} there")
@example({"user": "ann", "pass": "abc"})
@example([["token", "abc"]])
@example({"rows": [["abc"]], "columns": [["token"]]})
@example({"command": ["AUTH", "abc"]})
@example({"name": "token", "value": "abc"})
@example({"op": "add", "path": "/token", "value": "abc"})
@example({"grant_type": "a", "code": "abc"})
@example({"tokens": [TOKEN]})
@example("https://shop.com/a")
@example("https://ann@shop.com/a")
@example({"a": [{"b": ["<redacted:1a2b3c4d>"]}]})
def test_redaction_leaves_what_has_nothing_to_hide_as_it_is(plain: Any) -> None:
    """Of other data this says nothing."""
    for redactor in REDACTORS:
        if not has_nothing_to_hide(plain, redactor):
            continue

        for hidden in hidden_by_each_rule(plain, redactor):
            # The text of data tells a NaN from no other one.
            assert repr(hidden) == repr(plain)
        assert not holds_unhidden_text(plain, redactor)
        if isinstance(plain, str):
            secrets = Secrets(redactor.by_look())
            assert secrets.text(plain) == plain
            assert secrets.header("x-name", plain) == plain


@pytest.mark.parametrize(
    "plain",
    [
        {
            "id": 7,
            "name": "order 7 of 2024-05-01",
            "lines": [{"sku": "SKU-000007", "price": 8.25}, None],
            "customer": {"email": "ann@example.org", "vip": False},
            "url": "https://api.shop.com/orders/7",
            "at": "2024-05-01T10:30:00.125+02:00",
            "usage": {"prompt_tokens": 3},
        },
        [[1.5, 2.5], ["EUR", "USD", "GBP"], ["EUR", 1]],
        "It's (50 %) off; see page 7, or ask ann@example.org!",
    ],
)
def test_usual_data_is_known_to_have_nothing_to_hide(plain: Any) -> None:
    """Else `check` and `ls` would look at each part of a vault slowly."""
    assert has_nothing_to_hide(plain, Redactor())
