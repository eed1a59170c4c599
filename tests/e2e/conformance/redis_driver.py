"""Asks a Redis server."""

import os

import redis
import redis.asyncio

URL = os.environ["REDIS"]
SECRET = "pw-4711-conformance-0815"


def call(text):
    with redis.Redis.from_url(URL) as client:
        return client.hmget("answers", text, "answer")


async def call_async(text):
    async with redis.asyncio.Redis.from_url(URL) as client:
        return await client.hmget("answers", text, "answer")


def fail():
    with redis.Redis.from_url(URL) as client:
        client.incr("answers")


def send_secret():
    with redis.Redis.from_url(URL) as client:
        client.hset("users", "password", SECRET)
