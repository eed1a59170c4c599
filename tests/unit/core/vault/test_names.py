"""Names of recordings are short, readable, and safe on every file system."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mimic._core.vault import recording_name

KEY = "0123456789abcdef0123456789abcdef"
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("shop.api:fetch_rates", f"calls/shop.api/fetch_rates/{KEY}.json"),
        ("shop.api:client.get", f"calls/shop.api/client.get/{KEY}.json"),
        ("httpx", f"calls/httpx/{KEY}.json"),
    ],
)
def test_usual_names_are_readable(target, name):
    assert recording_name(target, KEY) == name


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_name_is_safe_on_every_file_system(module, qualname):
    """Windows' reserved names, trailing dots, path separators, lengths."""
    name = recording_name(f"{module.replace(':', '')}:{qualname}", KEY)

    parts = name.split("/")
    assert len(name) < 180
    assert len(parts) == 4
    for part in parts:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+", part)
        assert not part.endswith(".")
        assert not part.startswith(".")
        assert not RESERVED.match(part)


@given(
    st.lists(
        st.sampled_from(["Shop", "shop", "SHOP", "con", "con.", "a.b", "A.b", "ä", "a" * 60, "a" * 70]),
        min_size=2,
        max_size=2,
        unique=True,
    )
)
def test_two_targets_never_share_a_folder(names):
    """Also on file systems that ignore case."""
    one, two = (recording_name(f"{name}:f", KEY).lower() for name in names)

    assert one != two
