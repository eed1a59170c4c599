"""Orders of the shop."""


def test_order(client):
    """An order is paid and shipped."""
    made = client.post("/orders", params={"product": "tea"})
    assert made.status_code == 201, made.text
    shown = client.get(f"/orders/{made.json()['id']}").json()
    assert shown == {"parcel": made.json()["parcel"], "paid": "2.50", "sold": "1"}


def test_two_orders(client):
    """Each order has its own payment and parcel."""
    first, second = (
        client.post("/orders", params={"product": name}).json()
        for name in ("tea", "pot")
    )
    assert first["payment"] != second["payment"]
    assert first["parcel"] != second["parcel"]
    assert client.get(f"/orders/{second['id']}").json()["paid"] == "12.00"


def test_unknown_product(client):
    """Nothing is paid for a product that is not on sale."""
    assert client.post("/orders", params={"product": "cup"}).status_code == 404
