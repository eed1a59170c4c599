"""JSON texts in databases, and the same texts without secrets."""

from __future__ import annotations

import json

import pytest

written_json = pytest.mark.parametrize(
    ("value", "kept"),
    [
        ('{"password":"hunter2","é":1.10}', '{"password":"<redacted>","é":1.10}'),
        (
            json.dumps({"body": '{"password": "hunter2"}'}),
            json.dumps({"body": '{"password": "<redacted>"}'}),
        ),
        ("[" * 700 + "]" * 700, "[" * 700 + "]" * 700),
        ("[" * 5000 + "]" * 5000, "[" * 5000 + "]" * 5000),
    ],
    ids=["as it is written", "in a text", "deep", "deeper"],
)
