"""A small client library, for which `toy_client.py` is the client.

It asks a service for the weather of a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count


class ServiceError(Exception):
    """The service refused a request."""


@dataclass(frozen=True)
class Forecast:
    """The reply of the service."""

    degrees: float
    #: Counts the requests to the service, and so differs each time.
    request_number: int


class Service:
    """The service on the other side of the network."""

    def __init__(self) -> None:
        self.degrees = {"Oslo": -3.5, "Rome": 16.0}
        self.requests: list[str] = []
        self._numbers = count(1)

    def reply(self, place: str, day: str) -> Forecast:
        self.requests.append(f"{place} {day}")
        if place not in self.degrees:
            raise ServiceError(f"there is no station in {place}")
        return Forecast(self.degrees[place], next(self._numbers))


#: Stands in for the network: a test looks at its requests, and changes its replies.
SERVICE = Service()


class Client:
    """The client that an application uses.

    Args:
        host: The host of the service.
        api_key: The secret that the service asks for.
    """

    def __init__(self, host: str, *, api_key: str) -> None:
        self.host = host
        self.api_key = api_key

    def ask(self, place: str, day: str, *, language: str = "en") -> Forecast:
        """Send a request over the network and wait for the reply."""
        return SERVICE.reply(place, day)
