"""A Django app in one file with a view that calls an external API."""

import django
import requests
import weather
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import path

if not settings.configured:
    settings.configure(
        ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"], SECRET_KEY="not used"
    )
    django.setup()


def umbrella(_: HttpRequest, city: str) -> JsonResponse:
    """Return whether to take an umbrella."""
    url = f"{weather.BASE_URL}/cities/{city}"
    answer = requests.get(url, params={"api_key": weather.API_KEY}, timeout=5)
    if answer.status_code == 404:
        return JsonResponse(
            {"detail": f"nobody knows the weather in {city}"}, status=404
        )
    answer.raise_for_status()
    today = answer.json()
    return JsonResponse(
        {"city": city, "umbrella": today["rain_mm"] > 1, "sky": today["sky"]}
    )


urlpatterns = [path("umbrella/<slug:city>", umbrella)]
