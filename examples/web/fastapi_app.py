"""A FastAPI app with a view that calls an external API."""

import httpx
import weather
from fastapi import FastAPI, HTTPException

app = FastAPI()


@app.get("/umbrella/{city}")
async def umbrella(city: str) -> dict[str, object]:
    """Return whether to take an umbrella."""
    async with httpx.AsyncClient(base_url=weather.BASE_URL) as client:
        answer = await client.get(
            f"/cities/{city}", params={"api_key": weather.API_KEY}
        )
    if answer.status_code == 404:
        raise HTTPException(404, f"nobody knows the weather in {city}")
    today = answer.raise_for_status().json()
    return {"city": city, "umbrella": today["rain_mm"] > 1, "sky": today["sky"]}
