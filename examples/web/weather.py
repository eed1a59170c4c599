"""The address of the external API, and its key."""

import os

BASE_URL = os.environ.get("WEATHER_API", "http://127.0.0.1:8425")
API_KEY = os.environ.get("WEATHER_KEY", "any key will do for a replay")
