"""Start the external API for recording. A replay needs neither the API nor its key."""

import subprocess
import sys

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
    command = [sys.executable, weather_server.__file__]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        port = server.stdout.readline().strip()
        weather.BASE_URL = f"http://127.0.0.1:{port}"
        weather.API_KEY = weather_server.KEY
        yield
        server.terminate()
