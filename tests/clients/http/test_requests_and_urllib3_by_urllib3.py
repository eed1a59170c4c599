"""The client of urllib3: what an application sees live, recorded, verified and replayed without the server."""

from __future__ import annotations

import pytest
from support.http_server import NOWHERE

from clients.http.four_ways import same

urllib3 = pytest.importorskip("urllib3")


@pytest.fixture
def line():
    """The client under test."""
    return "urllib3"


def failure(error):
    """Return what an application sees of an exception and its reasons."""
    inner = getattr(error, "reason", None) or next(
        (arg for arg in error.args if isinstance(arg, Exception)), None
    )
    address = f" at 0x{id(error):x}"
    shown = f"{type(error).__module__}.{type(error).__name__}: {error}"
    words = " ".join(
        word for word in shown.replace(address, "").split() if not word.startswith("0x")
    )
    return [words, *(failure(inner) if isinstance(inner, Exception) else [])]


ERRORS = {
    "refused twice": lambda url: urllib3.PoolManager(retries=1).request(
        "GET", f"{NOWHERE}/x"
    ),
    "no tls": lambda url: urllib3.PoolManager(retries=0).request(
        "GET", url.replace("http:", "https:")
    ),
    "proxy refused": lambda url: urllib3.ProxyManager(NOWHERE, retries=0).request(
        "GET", "http://a.example/"
    ),
    "slow behind a proxy": lambda url: urllib3.ProxyManager(url, retries=0).request(
        "GET", "http://a.example/hang", timeout=0.1
    ),
    "no tls behind a tunnel": lambda url: urllib3.ProxyManager(url, retries=0).request(
        "GET", url.replace("http:", "https:")
    ),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_is_the_same(runs, server, kind):
    def talk(url):
        with pytest.raises(urllib3.exceptions.HTTPError) as caught:
            ERRORS[kind](url)
        return failure(caught.value)

    same(runs, server, talk)

    assert runs.answers[0].error


def test_a_blocking_pool_gets_its_connections_back(runs, server):
    def talk(url):
        with urllib3.HTTPConnectionPool(
            "127.0.0.1", int(url.rpartition(":")[2]), maxsize=1, block=True
        ) as pool:
            seen = []
            for page in ("users/1", "events", "redirect", "nothing", "missing"):
                pool.request("GET", f"/{page}", pool_timeout=0.1)
                response = pool.request(
                    "GET",
                    f"/{page}",
                    preload_content=False,
                    pool_timeout=0.1,
                    redirect=False,
                )
                with pytest.raises(urllib3.exceptions.EmptyPoolError):
                    pool.request("GET", "/users/1", pool_timeout=0.01)
                response.drain_conn()
                response.release_conn()
                with pytest.raises(urllib3.exceptions.MaxRetryError):
                    pool.request("GET", "/refuse", pool_timeout=0.1, retries=0)
                seen.append(pool.pool.qsize())
            return seen

    assert same(runs, server, talk) == [1] * 5
