"""Which hosts are this machine, and which ones `mimic_allow_hosts` lets through."""

from __future__ import annotations

import socket

import pytest

from pytest_mimic._core.hosts import AllowedHosts, is_local, plain_host, read_allowed


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "api.localhost",
        "127.0.0.1",
        "127.8.9.10",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "::",
        "",
        socket.gethostname().lower(),
    ],
)
def test_this_machine_is_local(host):
    assert is_local(host)


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "localhost.example.com",
        f"{socket.gethostname().lower()}.example.com",
        "notlocalhost",
        "128.0.0.1",
        "10.0.0.1",
        "fe80::1",
        "::2",
        "1",
    ],
)
def test_other_hosts_are_not_local(host):
    assert not is_local(host)


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("API.Example.com.", "api.example.com"),
        (b"api.example.com", "api.example.com"),
        (bytearray(b"10.0.0.1"), "10.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
        (None, ""),
    ],
)
def test_hosts_are_compared_without_case_final_dot_and_zone(given, host):
    assert plain_host(given) == host


@pytest.mark.parametrize(
    ("line", "host", "port"),
    [
        ("api.example.com", "api.example.com", 443),
        ("API.example.com", "api.example.com", None),
        ("*.example.com", "eu.api.example.com", 443),
        ("api.example.com:443", "api.example.com", 443),
        ("api.example.com:443", "api.example.com", None),  # its name may be looked up
        ("10.1.2.3", "10.1.2.3", 80),
        ("10.0.0.0/8", "10.1.2.3", 80),
        ("10.0.0.0/8:5432", "10.1.2.3", 5432),
        ("2001:db8::1", "2001:db8::1", 80),
        ("[2001:db8::1]:80", "2001:db8::1", 80),
        ("2001:db8::/32", "2001:db8::1", 80),
        ("::ffff:10.1.2.3", "::ffff:10.1.2.3", 80),
        ("10.1.2.3", "::ffff:10.1.2.3", 80),
        ("one.example.com, two.example.com  # both", "two.example.com", 80),
    ],
)
def test_host_of_a_line_is_allowed(line, host, port):
    assert AllowedHosts(read_allowed(line)).allows(host, port)


@pytest.mark.parametrize(
    ("line", "host", "port"),
    [
        ("api.example.com", "example.com", 443),
        ("api.example.com", "api.example.com.evil.org", 443),
        ("*.example.com", "example.com", 443),
        ("*.example.com", "badexample.com", 443),
        ("api.example.com:443", "api.example.com", 80),
        ("10.0.0.0/8", "11.0.0.1", 80),
        ("10.0.0.0/8", "example.com", 80),
        ("[2001:db8::1]:80", "2001:db8::1", 81),
        ("10.*", "10.0.0.1", 80),
        ("# nothing", "nothing", 80),
    ],
)
def test_other_host_is_not_allowed(line, host, port):
    assert not AllowedHosts(read_allowed(line)).allows(host, port)


@pytest.mark.parametrize("line", ["https://api.example.com", "api.example.com/users", "api.example.com:http"])
def test_line_that_names_no_host_is_refused_with_an_example(line):
    with pytest.raises(ValueError, match=r"is not a host: write api\.example\.com"):
        read_allowed(line)


def test_only_names_without_wildcards_can_be_looked_up():
    hosts = AllowedHosts(["a.test", "b.test:80", "*.c.test", "d?.test", "10.0.0.0/8", "1.2.3.4"])

    assert hosts.names == ["a.test", "b.test"]
