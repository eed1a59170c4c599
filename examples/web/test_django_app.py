"""Tests of a view.

The in-process test client is not intercepted, the requests of the view are.
"""

import pytest

pytest.importorskip("django", reason="the example of a Django app needs it")
pytest.importorskip("requests", reason="the Django app sends requests with it")

import django_app  # noqa: F401
from django.test import Client

client = Client()


def test_take_an_umbrella_to_bergen():
    answer = client.get("/umbrella/bergen")

    assert answer.json() == {"city": "bergen", "umbrella": True, "sky": "rain"}


def test_nobody_knows_atlantis():
    assert client.get("/umbrella/atlantis").status_code == 404
