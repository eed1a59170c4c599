"""`mimic_network = block`: a replay refuses connections that nothing mimics."""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress

# Imported here, so that the runs below share them: two copies have other classes.
import aiohttp  # noqa: F401
import asyncpg  # noqa: F401
import httpx  # noqa: F401
import pytest
import redis  # noqa: F401
import requests  # noqa: F401
import urllib3  # noqa: F401
from support.http_server import running_server

with suppress(ImportError):  # not for Windows
    import uvloop  # noqa: F401

# The address is reserved for documentation: no packet would arrive, and none is sent.
SHOP = """
    import asyncio, smtplib, socket, ssl, urllib.request
    import aiohttp, asyncpg, httpx, redis, requests, urllib3

    HOST, ADDRESS = "api.example.com", "203.0.113.7"

    def by_requests():
        requests.get(f"https://{HOST}/rates")

    def by_urllib3():
        urllib3.PoolManager().request("GET", f"https://{HOST}/rates", timeout=5)

    def by_urllib():
        urllib.request.urlopen(f"http://{HOST}/rates")

    def by_httpx():
        httpx.get(f"https://{HOST}/rates")

    async def by_async_httpx():
        async with httpx.AsyncClient() as client:
            await client.get(f"https://{HOST}/rates")

    async def by_aiohttp():
        async with aiohttp.ClientSession() as client:
            await client.get(f"https://{HOST}/rates")

    def by_redis():
        redis.Redis(HOST).ping()

    def by_smtplib():
        smtplib.SMTP(HOST, 25)

    async def by_asyncpg():
        await asyncpg.connect(host=HOST, port=5432, user="me", database="shop")

    async def by_streams():
        await asyncio.open_connection(HOST, 4000)

    async def by_streams_to_an_address():
        await asyncio.open_connection(ADDRESS, 4000)

    async def by_datagrams():
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(ADDRESS, 53))

    def by_create_connection():
        socket.create_connection((HOST, 4000), timeout=5)

    def by_connect():
        with socket.socket() as sock:
            sock.connect((ADDRESS, 4000))

    def by_connect_with_a_name():
        with socket.socket() as sock:
            sock.connect((HOST, 4000))

    def by_connect_ex():
        with socket.socket() as sock:
            sock.connect_ex((ADDRESS, 4000))

    def by_ssl():
        context = ssl.create_default_context()
        with socket.socket() as plain, context.wrap_socket(plain, server_hostname=HOST) as sock:
            sock.connect((ADDRESS, 443))

    def by_sendto():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", (ADDRESS, 53))

    def by_sendto_with_flags():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", 0, (ADDRESS, 53))

    def by_sendmsg():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendmsg([b"x"], [], 0, (ADDRESS, 53))

    def by_ipv6():
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.connect(("2001:db8::7", 53))

    def by_a_mapped_address():
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.connect((f"::ffff:{ADDRESS}", 53, 0, 0))

    def by_getnameinfo():
        socket.getnameinfo((ADDRESS, 53), socket.NI_NUMERICHOST)
        socket.getnameinfo((ADDRESS, 53), 0)

    async def by_async_getnameinfo():
        await asyncio.get_running_loop().getnameinfo((ADDRESS, 53))

    def by_gethostbyname():
        socket.gethostbyname(HOST)

    def by_gethostbyaddr():
        socket.gethostbyaddr(ADDRESS)
"""

RUN = """
import asyncio, inspect, shop

def run(made):
    if inspect.isawaitable(made):
        asyncio.run(made)

"""

ONE = """
    import asyncio, inspect, shop

    def test_it():
        made = {call}
        if inspect.isawaitable(made):
            asyncio.run(made)
"""


@pytest.fixture
def shop(project):
    project.ini(mimic_network="block")
    return project


# The call, and the host and port.
CASES = [
    ("by_requests()", "api.example.com:443"),
    ("by_urllib3()", "api.example.com:443"),
    ("by_urllib()", "api.example.com:80"),
    ("by_httpx()", "api.example.com:443"),
    ("by_async_httpx()", "api.example.com:443"),
    ("by_aiohttp()", "api.example.com:443"),
    ("by_redis()", "api.example.com:6379"),
    ("by_smtplib()", "api.example.com:25"),
    ("by_asyncpg()", "api.example.com:5432"),
    ("by_streams()", "api.example.com:4000"),
    ("by_streams_to_an_address()", "203.0.113.7:4000"),
    ("by_datagrams()", "203.0.113.7:53"),
    ("by_create_connection()", "api.example.com:4000"),
    ("by_connect()", "203.0.113.7:4000"),
    ("by_connect_with_a_name()", "api.example.com:4000"),
    ("by_connect_ex()", "203.0.113.7:4000"),
    ("by_ssl()", "203.0.113.7:443"),
    ("by_sendto()", "203.0.113.7:53"),
    ("by_sendto_with_flags()", "203.0.113.7:53"),
    ("by_sendmsg()", "203.0.113.7:53"),
    ("by_ipv6()", "[2001:db8::7]:53"),
    ("by_a_mapped_address()", "[::ffff:203.0.113.7]:53"),
    ("by_getnameinfo()", "203.0.113.7:53"),
    ("by_async_getnameinfo()", "203.0.113.7:53"),
    ("by_gethostbyname()", "api.example.com"),
    ("by_gethostbyaddr()", "203.0.113.7"),
]


@pytest.mark.promise("a blocked replay refuses connections that nothing mimics")
def test_connection_is_refused_with_the_remedies(shop):
    tests = [f"def test_{number}():\n    run(shop.{call})\n" for number, (call, _) in enumerate(CASES)]
    shop.tests(RUN + "\n".join(tests))

    run = shop.run("--tb=short").expect(
        failed=len(CASES),
        says=["mimic: replay from .mimic_vault, network blocked", f"{len(CASES)} calls missing"],
        never=["to record the missing:"],
    )

    for number, (_, label) in enumerate(CASES):
        _, _, report = run.output.partition(f"_ test_{number} _")
        command = f"pytest --mimic-record test_shop.py::test_{number}"
        host = re.sub(r"\[(.*)\]:\d+|:\d+", r"\1", label)
        what = f"MissingRecordingError: no recording of a connection to {label}, and the network is blocked"
        lines = [row.removeprefix("E").strip() for row in report.partition("\n____")[0].splitlines()]
        assert any(row.endswith(what) for row in lines), report
        assert (
            f"to record it: name its client (http for any HTTP client), or your function that makes it, in mimic_functions, then {command}"
            in lines
        )
        assert f"to let it through: mimic_allow_hosts = {host}" in lines


@pytest.mark.promise("a blocked replay lets loopback and UNIX sockets through")
def test_this_machine_can_be_connected_to(project):
    """Nothing stays patched after the run."""
    methods = dict(vars(socket.socket))
    functions = [socket.getaddrinfo, socket.gethostbyname, socket.gethostbyaddr, socket.gethostbyname_ex]
    project.ini(mimic_network="block")
    project.write(
        "test_local.py",
        """
        import asyncio, os, pickle, socket, tempfile
        import pytest

        @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0", None])
        def test_tcp(host):
            with socket.create_server(("127.0.0.1", 0)) as server:
                port = server.getsockname()[1]
                socket.create_connection((host, port)).close()
                with socket.socket() as sock:
                    sock.connect(("localhost", port))

        def test_udp():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
                one.bind(("127.0.0.1", 0))
                two.sendto(b"x", one.getsockname())
                assert one.recv(1) == b"x"
                if hasattr(two, "sendmsg"):
                    two.sendmsg([b"y"], [], 0, one.getsockname())
                    assert one.recv(1) == b"y"
                two.connect(one.getsockname())
                if hasattr(two, "sendmsg"):
                    two.sendmsg([b"z"])
                    assert one.recv(1) == b"z"
                with pytest.raises(TypeError):
                    two.sendto(b"x")

        @pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no UNIX sockets here")
        def test_unix():
            with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
                server.bind(os.path.join(folder, "s"))
                server.listen()
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(os.path.join(folder, "s"))

        def test_asyncio():
            async def talk():
                async def greet(reader, writer):
                    writer.write(b"hi")
                    writer.close()

                async with await asyncio.start_server(greet, "localhost", 0, family=socket.AF_INET) as server:
                    port = server.sockets[0].getsockname()[1]
                    reader, writer = await asyncio.open_connection("localhost", port)
                    assert await reader.read() == b"hi"
                    writer.close()
                    await writer.wait_closed()

            asyncio.run(talk())

        def test_lookups():
            async def look_up():
                return await asyncio.get_running_loop().getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST)

            assert asyncio.run(look_up())[0] == "127.0.0.1"
            assert socket.gethostbyname("localhost") == "127.0.0.1"

        def test_own_name():
            socket.getfqdn()
            for one in socket.socketpair():
                assert isinstance(one, socket.socket)
                one.close()
        """,
    )

    project.run().expect(passed=9)

    assert dict(vars(socket.socket)) == methods
    assert [
        socket.getaddrinfo,
        socket.gethostbyname,
        socket.gethostbyaddr,
        socket.gethostbyname_ex,
    ] == functions


def test_name_of_this_machine_in_its_domain_is_let_through(project, monkeypatch):
    """As `socket.getfqdn` gives it to servers of the standard library."""

    def resolve(*_args, **_options):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(socket, "gethostbyaddr", lambda name: ("box.corp.example.com", [name], ["127.0.0.1"]))
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    project.ini(mimic_network="block")
    project.test("""
        import socket
        from pytest_mimic import MissingRecordingError
        assert socket.getaddrinfo(socket.getfqdn(), 80)
        with pytest.raises(MissingRecordingError):
            socket.getaddrinfo("other.corp.example.com", 80)
    """)

    project.run().expect(passed=1)


def test_functions_that_others_have_restored_are_guarded_again(project):
    """pytest-socket restores them after each test."""
    project.ini(mimic_network="block")
    project.module(PROBE)
    project.conftest("""
        import socket

        REAL = socket.socket.connect_ex, socket.gethostbyname

        def pytest_runtest_teardown():
            socket.socket.connect_ex, socket.gethostbyname = REAL
    """)
    project.tests("""
        import socket
        import pytest, shop
        from pytest_mimic import MissingRecordingError

        @pytest.mark.parametrize("call", [shop.probe, lambda: socket.gethostbyname("api.example.com")] * 2)
        def test_it(call):
            with pytest.raises(MissingRecordingError):
                call()
    """)
    try:
        project.run().expect(passed=4)
    finally:
        del socket.socket.connect_ex  # as that conftest.py has left it


RETRYING = """
    import asyncio, socket, time
    import requests, aiohttp

    def tries():
        for _ in range(3):
            try:
                requests.get("https://api.example.com/rates")
            except Exception:
                time.sleep(2)

    def swallows():
        try:
            return socket.create_connection(("api.example.com", 443))
        except (OSError, RuntimeError):
            return None

    async def gathers():
        async with aiohttp.ClientSession() as client:
            urls = ["https://api.example.com/"] * 3
            return await asyncio.gather(*map(client.get, urls), return_exceptions=True)
"""


@pytest.mark.promise("a refused connection fails its test even where the code under test swallowed the error")
@pytest.mark.parametrize("call", ["shop.tries()", "shop.swallows()", "shop.gathers()"])
def test_refusal_that_is_caught_fails_the_test_and_counts_once(project, call):
    """And no retry waits for it."""
    project.ini(mimic_network="block")
    project.module(RETRYING)
    project.tests(ONE.format(call=call))

    project.run().expect(
        failed=1,
        says=["MissingRecordingError: no recording of a connection to api.example.com:443", "1 call missing"],
    )


def test_refusal_that_the_test_expects_is_deliberate(shop):
    shop.test("""
        from pytest_mimic import MissingRecordingError
        with pytest.raises(MissingRecordingError, match="network is blocked"):
            shop.by_requests()
    """)

    shop.run().expect(passed=1)


# Connecting a datagram socket sends nothing, whatever the address.
PROBE = """
    import socket

    def probe(address="203.0.113.7", port=53):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect_ex((address, port))
        return "through"
"""


@pytest.mark.parametrize(
    ("hosts", "calls", "refused"),
    [
        (["203.0.113.7"], ["probe()"], ["probe('203.0.113.8')"]),
        (["203.0.113.0/24:53"], ["probe()", "probe('203.0.113.8')"], ["probe(port=54)"]),
        (["*.example.com"], ["lookup()", "probe()", "lookup('eu.example.com')"], ["probe('203.0.113.8')"]),
        (["api.example.com:53"], ["lookup()", "probe()"], ["probe(port=54)", "lookup(port=54)"]),
        (["api.example.com"], ["probe()"], ["probe('203.0.113.8')", "lookup('eu.example.com')"]),
        (["api.example.com"], ["asyncio.run(aprobe())"], ["asyncio.run(aprobe('eu.example.com'))"]),
    ],
)
@pytest.mark.promise("mimic_allow_hosts lets names, addresses, wildcards, networks and ports through")
def test_allowed_hosts_are_let_through(project, monkeypatch, hosts, calls, refused):
    """Also the addresses that an allowed name has."""

    def resolve(host, port, *_args, **_options):
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("203.0.113.7", port or 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    project.ini(mimic_network="block", mimic_allow_hosts=hosts)
    project.module(PROBE)
    project.tests(f"""
        import asyncio, socket
        import pytest
        from pytest_mimic import MissingRecordingError
        from shop import probe

        def lookup(host="api.example.com", port=53):
            return socket.getaddrinfo(host, port)

        async def aprobe(host="api.example.com"):
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(host, 53))
            transport.close()
            return "through"

        @pytest.mark.parametrize("call", {calls})
        def test_allowed(call):
            try:
                assert eval(call)
            except OSError as error:  # a machine without a network
                assert error.errno

        @pytest.mark.parametrize("call", {refused})
        def test_refused(call):
            with pytest.raises(MissingRecordingError):
                eval(call)
    """)

    project.run().expect(passed=len(calls) + len(refused))


@pytest.mark.promise("the network is open while a call is recorded, verified or live")
@pytest.mark.parametrize("mode", ["--mimic-record", "--mimic-rerecord", "--mimic-verify", "--mimic-live"])
def test_network_is_open_in_other_modes(project, mode):
    project.ini("shop:other", mimic_network="block")
    project.module(PROBE + "\n    def other():\n        return 1\n")
    project.test("assert shop.probe() == 'through'")

    run = project.run(mode).expect(passed=1)

    assert "network" not in run.header


def test_an_override_on_the_command_line_blocks_the_network_too(project):
    project.ini("shop:other")
    project.module(PROBE + "\n    def other():\n        return 1\n")
    project.test("shop.probe()")

    run = project.run("-o", "mimic_network=block")

    run.expect(failed=1, says=["the network is blocked", "then pytest --mimic-record test_shop.py::test_it"])
    assert run.header == "replay from .mimic_vault (1 target), network blocked"


def test_call_that_a_cassette_records_may_connect(project):
    """In a plain run, also in threads and tasks that it starts; other code may not."""
    project.ini(mimic_network="block")
    project.module(
        PROBE
        + """
    def thrice():
        import asyncio
        from concurrent.futures import ThreadPoolExecutor

        async def in_task():
            return await asyncio.create_task(asyncio.to_thread(probe))

        with ThreadPoolExecutor(1) as pool:
            return probe(), pool.submit(probe).result(), asyncio.run(in_task())
"""
    )
    project.test("""
        from pytest_mimic import MissingRecordingError
        with mimic_auto("rates", targets=["shop:thrice"]):
            assert shop.thrice() == ("through",) * 3
            with pytest.raises(MissingRecordingError):
                shop.probe()
    """)

    project.run().expect(passed=1, says=["1 call recorded"])
    project.run().expect(passed=1, says=["1 call replayed"])


def test_call_that_a_line_leaves_out_is_refused(shop):
    shop.ini("requests exclude=/health", mimic_network="block")
    shop.test('requests.get("https://api.example.com/health")')

    shop.run().expect(failed=1, says=["no recording of a connection to api.example.com:443"])


@pytest.mark.promise("imports and fixtures of tests are blocked, and hooks of other plugins are not")
def test_imports_and_wider_fixtures_are_blocked_and_hooks_are_not(project):
    project.ini(mimic_network="block")
    project.module(PROBE)
    project.conftest("""
        import pytest, shop

        @pytest.fixture(scope="session")
        def rates():
            return shop.probe()

        def pytest_runtest_logreport(report):
            assert shop.probe() == "through"

        def pytest_sessionfinish():
            assert shop.probe() == "through"
    """)
    project.write("test_import.py", "import shop\nshop.probe()\n\ndef test_it(): pass\n")
    project.write("test_fixture.py", "def test_it(rates): pass\n")

    project.run("test_fixture.py").expect(errors=1, says=["connection to 203.0.113.7:53"])
    project.run("test_import.py").expect(exit_code=2, errors=1, says=["connection to 203.0.113.7:53"])


@pytest.mark.promise("without the option, nothing of the network is patched")
def test_off_by_default_and_under_live_nothing_is_patched(project):
    project.ini("shop:probe")
    project.module(PROBE)
    project.test("""
        import _socket, socket, types
        assert socket.socket.connect is _socket.socket.connect
        assert type(socket.gethostbyname) is types.BuiltinFunctionType
    """)

    project.run().expect(passed=1)
    project.run("--mimic-live", "-o", "mimic_network=block").expect(passed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mimic_network": "blok"}, "mimic_network = blok: it takes allow or block"),
        (
            {"mimic_allow_hosts": ["10.0.0.1", "https://api.example.com"]},
            "pytest.ini, mimic_allow_hosts line 2: https://api.example.com is not a host",
        ),
    ],
)
def test_wrong_option_is_a_usage_error(project, options, message):
    project.ini("shop:probe", **options)

    project.run().expect(exit_code=4, says=[f"ERROR: {message}"], never=["Traceback"])


UVLOOP = """
    import asyncio, socket
    import pytest, uvloop
    from pytest_mimic import MissingRecordingError

    async def connect(host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.close()

    async def look_up(host, port):
        await asyncio.get_running_loop().getaddrinfo(host, port)

    async def sock_connect(host, port):
        with socket.socket() as sock:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (host, port))

    async def datagrams(host, port):
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(host, port))
        transport.close()

    CALLS = [connect, look_up, sock_connect, datagrams]

    @pytest.mark.parametrize("call", CALLS)
    def test_refused(call):
        with pytest.raises(MissingRecordingError, match="connection to api.example.com:4000"):
            uvloop.run(call("api.example.com", 4000))

    @pytest.mark.parametrize("call", CALLS)
    def test_local(call):
        with socket.create_server(("127.0.0.1", 0)) as server:
            uvloop.run(call("127.0.0.1", server.getsockname()[1]))

    def test_sockets_that_are_connected_or_only_receive():
        async def use(sock, address):
            _, writer = await asyncio.open_connection(sock=sock)
            writer.close()
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=address)
            transport.close()

        with socket.create_server(("127.0.0.1", 0)) as server:
            sock = socket.create_connection(server.getsockname())
            uvloop.run(use(sock, ("127.0.0.1", 0)))
"""


@pytest.mark.skipif(os.name == "nt", reason="uvloop does not exist there")
def test_loops_of_uvloop_are_guarded_too(project):
    project.ini(mimic_network="block")
    project.write("test_uvloop.py", UVLOOP)

    project.run().expect(passed=9)


ALL_CLIENTS = """
    import asyncio, inspect, urllib.request
    import aiohttp, httpx, pytest, requests, urllib3

    async def by_async_httpx(url):
        await asyncio.to_thread(int)  # the thread of the loop is not part of the call that is recorded
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).text

    async def by_aiohttp(url):
        async with aiohttp.ClientSession() as client, client.get(url) as response:
            return await response.text()

    def by_urllib(url):
        with urllib.request.urlopen(url) as response:
            return response.read().decode()

    CLIENTS = {{
        "requests": lambda url: requests.get(url).text,
        "httpx": lambda url: httpx.get(url).text,
        "httpx, async": by_async_httpx,
        "aiohttp": by_aiohttp,
        "urllib3": lambda url: urllib3.PoolManager().request("GET", url).data.decode(),
        "http.client": by_urllib,
    }}

    @pytest.mark.parametrize("name", CLIENTS)
    def test_it(name, mimic_auto):
        with mimic_auto(targets=[name.partition(",")[0]]):
            text = CLIENTS[name]("http://api.example.com:{port}/pages")
            text = asyncio.run(text) if inspect.isawaitable(text) else text
        assert text
"""


def test_request_that_a_cassette_records_may_connect(project, monkeypatch):
    """By every client, also by one that looks names up in a task of its own."""
    resolve, names = socket.getaddrinfo, ("api.example.com", b"api.example.com")

    def resolve_locally(name, *args, **options):
        return resolve("127.0.0.1" if name in names else name, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_locally)
    project.ini(mimic_network="block")
    with running_server() as server:
        project.tests(ALL_CLIENTS.format(port=server.server_port))

        project.run().expect(passed=6, says=["6 calls recorded", "network blocked"])

    project.run().expect(passed=6, says=["6 calls replayed"])
