import uuid

import pytest
import service


@pytest.fixture
def order(client):
    return client.post("/orders", params={"item": "tea"}).json()


@pytest.mark.parametrize("item", ["tea", "cake", "milk", "jam", "salt"])
def test_an_order_is_placed(client, item):
    assert client.post("/orders", params={"item": item}).json()["item"] == item


@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_order_is_found(client, order, times):
    for _ in range(times):
        assert client.get(f"/orders/{order['id']}").json() == order


def test_an_order_is_found_without_the_cache(client, order):
    service.cache.flushdb()

    assert client.get(f"/orders/{order['id']}").json() == order


def test_an_unknown_order_is_none(client):
    assert client.get(f"/orders/{uuid.UUID(int=1)}").status_code == 404


@pytest.mark.parametrize("number", range(3))
def test_a_payment_names_its_order(client, order, number):
    paid = client.post(f"/orders/{order['id']}/payment").json()

    assert paid["reference"] == order["id"]


@pytest.mark.parametrize("currency", ["USD", "GBP"])
def test_a_rate_is_cached(client, currency):
    first = client.get(f"/rates/{currency}").json()

    assert client.get(f"/rates/{currency}").json() == first


@pytest.mark.parametrize("items", [["tea"], ["tea", "cake"], ["jam"]])
def test_a_cart_keeps_its_items(items):
    token = service.fill_cart(items)

    assert service.cache.smembers(f"cart:{token}") == set(items)


@pytest.mark.parametrize("number", range(2))
def test_a_parcel_is_shipped_in_a_thread(order, number):
    service.ship_next()

    assert service.open_orders() == []


def test_an_order_that_is_not_shipped_is_open(order):
    assert service.open_orders() == ["tea"]


def test_nothing_is_open_at_first():
    assert service.open_orders() == []


@pytest.mark.parametrize("key", ["a", "b", "c"])
def test_the_cache_keeps_a_word(key):
    service.cache.set(key, "word")

    assert service.cache.get(key) == "word"
