"""Asks the library of `support.grpc_server`."""

import os
import sys
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).parents[2]))
from support.grpc_server import protos, services

SECRET = "pw-4711-conformance-0815"
TARGET = os.environ["LIBRARY"]

stub = services.LibraryStub(grpc.insecure_channel(TARGET))


def call(text):
    return stub.Find(protos.Wish(title=text)).id


async def call_async(text):
    async with grpc.aio.insecure_channel(TARGET) as channel:
        return (await services.LibraryStub(channel).Find(protos.Wish(title=text))).id


def fail():
    try:
        stub.Find(protos.Wish(title="NOT_FOUND"))
    except grpc.RpcError as error:
        raise LookupError(error.code().name, error.details()) from error


def stream(text):
    for book in stub.List(protos.Wish(title=text, count=3)):
        yield book.title


def send_secret():
    stub.Find(protos.Wish(title="secret", password=SECRET), metadata=[("authorization", f"Bearer {SECRET}")])
