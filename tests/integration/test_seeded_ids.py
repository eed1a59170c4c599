"""The recipe for ids and tokens in the guide."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "dates-and-ids.md"
ORDERS = """
    import random
    import secrets
    from uuid import uuid4
    from tally import ran

    BOUND_AT_IMPORT = uuid4
    SYSTEM = random.SystemRandom()

    def send(*ids):
        ran("send")
        return len(set(ids))

    def order():
        return send(str(BOUND_AT_IMPORT()), str(uuid4()), secrets.token_hex(8), secrets.token_urlsafe(), SYSTEM.random())
"""
TEST = """
    import orders

    def test_order():
        assert orders.order() == 5
"""


def test_the_ids_of_the_guide_are_the_same_in_each_run(project):
    """Also those of functions that a module has imported by name or bound to others."""
    recipe = re.search(
        r"```python\n(import os\n.*?def same_ids.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert recipe is not None
    project.ini("orders:send")
    project.conftest(recipe[1])
    project.write("orders.py", ORDERS)
    project.write("test_orders.py", TEST)
    project.record().expect(passed=1, real=["send"])

    project.replay().expect(passed=1, real=[])

    project.conftest("")
    project.replay().expect(failed=1, real=[])
