"""A toy client: asks a device for the temperature of a room, one line of text each way."""

import socket


class SensorError(Exception):
    """The device refused a request."""


class Reading:
    def __init__(self, celsius):
        self.celsius = celsius


class Client:
    """Asks the device at `host`, which is `name:port`."""

    def __init__(self, host, api_key):
        self.host = host
        self.api_key = api_key

    def read(self, room):
        name, _, port = self.host.partition(":")
        with socket.create_connection((name, int(port))) as line:
            line.sendall(f"{self.api_key} {room}\n".encode())
            with line.makefile(encoding="utf-8") as answers:
                answer = answers.readline().strip()
        if answer.startswith("ERROR"):
            raise SensorError(answer.removeprefix("ERROR "))
        return Reading(float(answer))
