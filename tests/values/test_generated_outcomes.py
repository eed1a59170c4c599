"""Generated values of all kinds: a copy has the same types, values, order and sharing."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.face import there_and_back

from values.generated import values
from values.sameness import shown
from values.things import MyStr


@settings(suppress_health_check=list(HealthCheck))
@given(values, st.sampled_from(["", "x" * 3_000, "\ud800", MyStr("a")]))
@example({"$date": ([], "$ref")}, "")
def test_a_copy_is_equal_in_type_value_order_and_sharing(value, beside):
    """Beside a text that is stored elsewhere for its length, or that no JSON has."""
    holder = [value, {"again": value}, beside]
    holder.append(holder)

    assert shown(there_and_back(holder)) == shown(holder)
