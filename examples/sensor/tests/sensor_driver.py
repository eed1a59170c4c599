"""The driver of the conformance tests: what an application does with the client."""

import os

from sensor import Client

SECRET = "k-4711-conformance-0815"

client = Client(os.environ["DEVICE"], api_key=SECRET)


def call(text):
    return client.read(text).celsius


def fail():
    client.read("attic")


def send_secret():
    client.read("one")
