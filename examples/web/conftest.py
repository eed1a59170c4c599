"""Start the external API for recording. A replay needs neither the API nor its key."""

import pytest
import weather
import weather_server


@pytest.fixture(scope="session", autouse=True)
def weather_api(request):
    """Start the API in a run with --mimic-record, --mimic-rerecord, --mimic-verify or --mimic-live."""
    config = request.config
    if not any(
        config.getoption(f"mimic_{mode}")
        for mode in ("record", "rerecord", "verify", "live")
    ):
        yield
        return
    server = weather_server.start()
    weather.BASE_URL, weather.API_KEY = (
        f"http://127.0.0.1:{server.server_port}",
        weather_server.KEY,
    )
    yield
    server.shutdown()
    server.server_close()
