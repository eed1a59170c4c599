"""Section 7: requests to a server of this process are left alone."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

pytest.importorskip("requests")
pytest.importorskip("httpx")

APP = """
    from contextlib import contextmanager
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class View(BaseHTTPRequestHandler):
        def do_GET(self):
            ran("view", self.path)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args):
            pass

    @contextmanager
    def live_server():
        server = ThreadingHTTPServer(("127.0.0.1", 0), View)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            server.server_close()
"""
TEST = """
    import app, httpx, urllib.request

    @pytest.fixture
    def of_test():
        with app.live_server() as port:
            yield port

    @pytest.fixture(scope="session")
    def of_session():
        with app.live_server() as port:
            yield port

    @pytest.fixture(params=["of_test", "of_session"])
    def port(request):
        return request.getfixturevalue(request.param)

    HOSTS = pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])

    @HOSTS
    def test_requests(port, host):
        assert requests.get(f"http://{host}:{port}/requests").text == "ok"

    @HOSTS
    def test_httpx(port, host):
        assert httpx.get(f"http://{host}:{port}/httpx").text == "ok"

    @HOSTS
    def test_urllib(port, host):
        with urllib.request.urlopen(f"http://{host}:{port}/urllib") as answer:
            assert answer.read() == b"ok"
"""


def test_a_server_of_this_process_is_not_recorded(project):
    project.ini("http")
    project.write("app.py", APP)
    project.tests(TEST)
    clients = "requests", "httpx", "urllib"
    views = [f"view /{client}" for client in clients for _ in range(4)]

    recorded = project.record().expect(passed=12, real=views)
    again = project.run().expect(passed=12, real=views)

    assert recorded.vault == again.vault == {}


TEST_CLIENT = """
    from aiohttp import test_utils, web

    def test_it():
        async def page(request):
            return web.Response(text="in process")

        async def main():
            app = web.Application()
            app.router.add_get("/", page)
            server = test_utils.TestServer(app)
            async with test_utils.TestClient(server) as client:
                return await (await client.get("/")).text()

        assert asyncio.run(main()) == "in process"
"""


def test_the_test_client_of_aiohttp_is_left_alone(project):
    """Its server is the application under test."""
    pytest.importorskip("aiohttp")
    project.ini("http")
    project.tests(TEST_CLIENT)

    recorded = project.record().expect(passed=1)
    project.run().expect(passed=1)

    assert recorded.vault == {}


STREAMED = """
    import aiohttp, httpx, pytest
    from aiohttp import test_utils, web

    async def upload(send):
        has_begun = asyncio.Event()

        async def page(request):
            await request.content.readexactly(1)
            has_begun.set()
            return web.Response(text="a" + (await request.text()))

        async def body():
            yield b"a"
            await asyncio.wait_for(has_begun.wait(), 10)
            yield b"b"

        app = web.Application()
        app.router.add_post("/", page)
        async with test_utils.TestServer(app) as server:
            assert await send(str(server.make_url("/")), body()) == "ab"

    def test_aiohttp():
        async def send(url, body):
            async with aiohttp.ClientSession() as client:
                async with client.post(url, data=body) as answer:
                    return await answer.text()

        asyncio.run(upload(send))

    def test_httpx():
        async def send(url, body):
            async with httpx.AsyncClient() as client:
                return (await client.post(url, content=body)).text

        asyncio.run(upload(send))
"""


def test_the_body_for_a_server_of_this_process_is_sent_as_it_is_made(project):
    """Its next part may wait for what the server does with the first one."""
    pytest.importorskip("aiohttp")
    project.ini("http")
    project.tests(STREAMED)

    recorded = project.record().expect(passed=2)
    project.replay().expect(passed=2)

    assert recorded.vault == {}


IMPOSSIBLE = """
    import app, httpx, pytest

    def test_port():
        with app.live_server(), pytest.raises(httpx.ConnectError):
            httpx.get("http://127.0.0.1:123456/")
"""


def test_a_server_of_this_process_that_has_closed_is_one_no_longer(project):
    """What listens at its port later in the test is a service."""
    project.ini("http")
    project.write("app.py", APP)
    project.test("""
        import app

        with app.live_server() as port:
            url = f"http://127.0.0.1:{port}/"
            assert requests.get(url).text == "ok"
        with pytest.raises(requests.ConnectionError):
            requests.get(url)
    """)

    project.record().expect(passed=1, says=["1 call recorded"])


def test_a_port_that_no_server_can_have_is_recorded_as_refused(project):
    project.ini("http")
    project.write("app.py", APP)
    project.tests(IMPOSSIBLE)

    project.record().expect(passed=1, says=["1 call recorded"])
    project.replay().expect(passed=1, says=["1 call replayed"])


# Modules with `serving`, a block with a server on the port that it gives, and `ask`.
IN_C = {
    "grpc": """
        from concurrent import futures
        import grpc
        from google.protobuf.wrappers_pb2 import StringValue as Text

        @contextlib.contextmanager
        def serving():
            method = grpc.unary_unary_rpc_method_handler(
                lambda asked, context: Text(value=asked.value.upper()), Text.FromString, Text.SerializeToString
            )
            server = grpc.server(futures.ThreadPoolExecutor(2))
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("S", {"Shout": method}),))
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            yield port
            server.stop(0)

        def ask(port):
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                shout = channel.unary_unary("/S/Shout", Text.SerializeToString, Text.FromString)
                return shout(Text(value="hi")).value
    """,
    "redis": """
        import redis
        from fakeredis import TcpFakeServer

        @contextlib.contextmanager
        def serving():
            server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield server.server_address[1]
            server.shutdown()
            server.server_close()

        def ask(port):
            with redis.Redis(port=port) as client:
                client.set("greeting", "HI")
                return client.get("greeting").decode()
    """,
    "http": """
        import httpx, uvicorn

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"HI"})

        @contextlib.contextmanager
        def serving():
            server = uvicorn.Server(uvicorn.Config(app, port=0, loop="uvloop", lifespan="off", log_level="error"))
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            while not server.started:
                pass
            yield server.servers[0].sockets[0].getsockname()[1]
            server.should_exit = True
            thread.join()

        def ask(port):
            return httpx.get(f"http://127.0.0.1:{port}/").text
    """,
    "redis by a path": """
        import socket, tempfile
        from fakeredis import TcpFakeServer

        class Server(TcpFakeServer):
            address_family = socket.AF_UNIX

            def get_request(self):
                return self.socket.accept()[0], ("here", 0)

        @contextlib.contextmanager
        def serving():
            path = os.path.join(tempfile.mkdtemp(), "s")
            server = Server(path, server_type="redis")
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield path
            server.shutdown()
            server.server_close()

        def ask(path):
            with redis.Redis(unix_socket_path=path) as client:
                client.set("greeting", "HI")
                return client.get("greeting").decode()
    """,
    "http by a path": """
        import tempfile
        import docker, httpx, uvicorn

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"HI"})

        @contextlib.contextmanager
        def serving():
            path = os.path.join(tempfile.mkdtemp(), "s")
            server = uvicorn.Server(uvicorn.Config(app, uds=path, loop="uvloop", lifespan="off", log_level="error"))
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            while not server.started:
                pass
            yield path
            server.should_exit = True
            thread.join()

        def ask(path):
            with httpx.Client(transport=httpx.HTTPTransport(uds=path)) as client:
                by_httpx = client.get("http://app/").text
            with contextlib.closing(docker.APIClient(f"unix://{path}", version="1.41")) as client:
                assert client.get(f"{client.base_url}/").text == by_httpx
            return by_httpx
    """,
}


def test_a_server_that_no_code_of_python_opens_is_not_recorded(project):
    for module in ("docker", "fakeredis", "uvicorn", "uvloop"):
        pytest.importorskip(module)
    cases = dict(IN_C)
    if find_spec("pytest_mimic_grpc"):
        project.ini("grpc", "redis", "http")
    else:  # It has a line with its distribution.
        project.ini("redis", "http")
        del cases["grpc"]
    for name, text in cases.items():
        project.write(f"of_{name.replace(' ', '_')}.py", text)
    project.tests(f"""
        from importlib import import_module

        @pytest.mark.parametrize("name", {[*cases]})
        def test_it(name):
            module = import_module("of_" + name.replace(" ", "_"))
            with module.serving() as port:
                assert module.ask(port) == "HI"
    """)

    recorded = project.record(process=True).expect(passed=len(cases))
    again = project.run(process=True).expect(passed=len(cases))

    assert recorded.vault == again.vault == {}
