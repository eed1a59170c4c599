"""Records and replays the calls of `sensor`."""

import sys
from functools import wraps

from pytest_mimic.client import Adapter, ClientCall, Edge


class SensorAdapter(Adapter):
    # The names that users may give to ignore= and match=.
    parts = ("host", "room", "api_key")

    def edges(self):
        return [Edge("sensor", ("Client", "read"), wrap_read)]


def wrap_read(original, port):
    @wraps(original)
    def read(client, room):
        if not port.taking():  # nothing mimics this client at the moment
            return original(client, room)
        step = port.begin(describe(client, room, port))
        if step.mode == "pass":  # left out by only= or exclude=, for example
            return original(client, room)
        if step.mode != "replay":  # `run`, or `verify`, which also returns the recorded reply
            try:
                with step.running():
                    reading = original(client, room)
            except sys.modules["sensor"].SensorError as error:
                step.finish({"error": str(error)})  # a reply like any other
                if step.mode == "run":
                    raise
            except BaseException as error:
                step.abandon(error)  # an interrupt, for example, is not a reply
                if not step.answers(error):
                    raise
            else:
                step.finish({"celsius": reading.celsius})
                if step.mode == "run":
                    return reading
        return load(step.outcome())

    return read


def describe(client, room, port):
    parts = {"host": client.host, "room": room, "api_key": client.api_key}
    parts = port.redactor.scrub(parts)  # replaces the values of secret names
    return ClientCall(
        f"READ {room}",
        parts=parts,
        identity=("host", "room"),
        described={"room": room},
        host=client.host,
    )


def load(plain):
    # The client is imported by now. Its adapter never imports it.
    sensor = sys.modules["sensor"]
    if "error" in plain:
        raise sensor.SensorError(plain["error"])
    return sensor.Reading(**plain)
