"""Orders that do not exist."""


def test_unknown_order(client):
    """An unknown order is not found."""
    assert client.get("/orders/999").status_code == 404
