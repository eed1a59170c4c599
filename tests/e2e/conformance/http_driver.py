"""Sends HTTP requests with the client that the environment names."""

import os
import sys

CLIENT = os.environ["CLIENT"]
URL = os.environ["SERVICE"]
SECRET = "sk-4711-conformance-0815"


def get(path, **params):
    if CLIENT == "aiohttp":
        import asyncio

        return asyncio.run(get_async(path, **params))
    client = __import__(CLIENT)
    response = client.get(URL + path, params=params)
    response.raise_for_status()
    return response.text


async def get_async(path, **params):
    if CLIENT == "aiohttp":
        import aiohttp

        session = aiohttp.ClientSession(raise_for_status=True)
        async with session, session.get(URL + path, params=params) as response:
            return await response.text()
    import httpx

    async with httpx.AsyncClient() as client:
        return (await client.get(URL + path, params=params)).text


def call(text):
    return get("/say", text=text)


def fail():
    get("/fail")


if CLIENT != "requests":

    async def call_async(text):
        return await get_async("/say", text=text)


if CLIENT != "aiohttp":

    def stream(text):
        client = sys.modules.get(CLIENT) or __import__(CLIENT)
        if CLIENT == "requests":
            yield from client.get(f"{URL}/events", stream=True).iter_lines()
        else:
            with client.stream("GET", f"{URL}/events") as response:
                yield from response.iter_lines()


def send_secret():
    get("/say", text="secret", api_key=SECRET)
