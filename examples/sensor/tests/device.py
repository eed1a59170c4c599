"""A device on loopback, which knows the rooms that stand in a file."""

import socketserver
import threading
from contextlib import contextmanager


class _Answer(socketserver.StreamRequestHandler):
    def handle(self):
        _key, _, room = self.rfile.readline().decode().strip().partition(" ")
        rooms = dict(line.split("=") for line in self.server.rooms.read_text(encoding="utf-8").split())
        room = room.partition(" ")[0]
        answer = rooms.get(room, f"ERROR no sensor in {room}")
        self.wfile.write(f"{answer}\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def device(folder):
    """Yield the host of a device, which keeps its port, while it runs."""
    port, rooms = folder / "port", folder / "rooms"
    if not rooms.exists():
        rooms.write_text("one=21.5 two=18.0 thread=19.25", encoding="utf-8")
    with _Server(("127.0.0.1", int(port.read_text()) if port.exists() else 0), _Answer) as server:
        server.rooms = rooms
        port.write_text(str(server.server_address[1]))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
