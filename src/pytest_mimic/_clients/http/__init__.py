"""HTTP clients: httpx, httpx2, requests, aiohttp, urllib3, http.client."""
