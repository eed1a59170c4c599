"""The functions whose calls the vault has.

Their source counts: a change makes the recordings stale.
"""

import os
from importlib import import_module
from pathlib import Path


def ran():
    """Fail where nothing may run for real."""
    if os.environ.get("OFFLINE"):
        raise AssertionError("the real function ran")


def take(group, name, value):
    ran()
    return [group, name]


def give(group, name):
    ran()
    return import_module(f"kinds_{group}").OUTCOMES[name]()


def fail(group, name):
    ran()
    raise import_module(f"kinds_{group}").FAILURES[name]()


def stream(group, name):
    ran()
    yield from import_module(f"kinds_{group}").STREAMS[name]()


def counted(n):
    ran()
    for number in range(n):
        got = yield {"number": number, "square": number**2}
        if got is not None:
            yield (got, {number})
    return "done"


async def counted_async(n):
    ran()
    for number in range(n):
        yield number
    raise KeyError(n)


async def awaited(n):
    ran()
    return {"n": n, "half": n / 2}


def promised(n):
    ran()
    return awaited_inside(n)


async def awaited_inside(n):
    return (n,)


calls = []


def again(n):
    ran()
    calls.append(n)
    return {"call": len(calls), "n": n}


def read(path):
    ran()
    return len(Path(path).read_bytes())


def placed(path, text):
    ran()
    return {
        "path": Path(path),
        "sibling": Path(path).with_name("other.txt"),
        "text": text,
    }


def without(token, options):
    ran()
    return sorted(options)


class Shop:
    """A shop."""

    def __init__(self, city, rate=2):
        self.city = city
        self.rate = rate

    def price(self, goods, /, *more, net=False, **extra):
        ran()
        return [self.city, goods, list(more), net, extra]

    @staticmethod
    def opened(year):
        ran()
        return year >= 2020

    @classmethod
    def of(cls, text):
        ran()
        return cls(text.title())

    @property
    def name(self):
        ran()
        return f"shop of {self.city}"
