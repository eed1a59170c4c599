"""Exchanges through requests, and one in a cassette."""

import pytest
import requests
from exchanges import EVENTS, PICTURE, REQUESTS


@pytest.mark.mimic("requests")
def test_requests():
    with requests.Session() as client:
        for method, url, given, status, text in REQUESTS:
            response = client.request(method, url, **given)
            assert response.status_code == status
            assert text is None or response.text.replace(" ", "") == text.replace(" ", "")
        assert client.get(PICTURE[0]).content == PICTURE[1]
        with client.get(EVENTS[0], stream=True) as response:
            assert b"".join(response.iter_content(None)) == EVENTS[1]


def test_cassette(mimic_auto):
    with mimic_auto("format_1/requests", targets=["requests"]) as cassette:
        assert requests.get(REQUESTS[0][1]).json()["items"] == [{"id": 1, "price": 2.5}]
        assert requests.get(PICTURE[0]).content == PICTURE[1]

    assert cassette.all_played
