from contextlib import contextmanager

from device import device

from pytest_mimic.testing import ClientConformance


class TestSensor(ClientConformance):
    line = "sensor match=api_key"
    driver = "sensor_driver"

    @contextmanager
    def serve(self, folder):
        with device(folder) as host:
            yield {"DEVICE": host}

    def change(self, folder):
        (folder / "rooms").write_text("one=30.0 two=18.0 thread=19.25", encoding="utf-8")
