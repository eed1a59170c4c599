"""Tests of a view.

The in-process test client is not intercepted, the requests of the view are.
"""

import pytest

pytest.importorskip("fastapi", reason="the example of a FastAPI app needs it")
pytest.importorskip("httpx", reason="the FastAPI app sends requests with it")

from fastapi.testclient import TestClient
from fastapi_app import app

client = TestClient(app)


def test_take_an_umbrella_to_bergen():
    answer = client.get("/umbrella/bergen")

    assert answer.json() == {"city": "bergen", "umbrella": True, "sky": "rain"}


def test_leave_it_at_home_in_sevilla():
    assert client.get("/umbrella/sevilla").json()["umbrella"] is False


def test_nobody_knows_atlantis():
    answer = client.get("/umbrella/atlantis")

    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "nobody knows the weather in atlantis",
    )
