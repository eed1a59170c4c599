import pytest
from fastapi.testclient import TestClient
from service import Base, app, cache, engine


@pytest.fixture(autouse=True)
def empty():
    """Begin each test with empty tables and an empty cache."""
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    cache.flushdb()
    yield
    engine.dispose()


@pytest.fixture
def client():
    return TestClient(app)
