"""The hosts that are let through: this machine, and those that the user allows."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple

_NAME = re.compile(r"[\w.*?-]+")
_HIGHEST_PORT = 65_535
# Bound here, because a test may replace it.
_own_name = socket.gethostname


def plain_host(host: object) -> str:
    """Return a host as it was given to a socket as text: a name in lower case, or an address without its zone."""
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "backslashreplace")
    text = str(host or "").lower().rstrip(".")
    return text.partition("%")[0] if ":" in text else text


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a host is. None for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_local(host: str) -> bool:
    """Check whether a host is this machine: loopback, the address that stands for any of its own, or its own name."""
    address = address_of(host)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    return host in ("", "localhost", _own_name().lower()) or host.endswith(".localhost")


class _AllowedHost(NamedTuple):
    """One host that is let through: a network of addresses or a pattern for names, at one port or at any."""

    name: str
    network: Any
    port: int | None


class AllowedHosts:
    """The hosts of `mimic_allow_hosts`."""

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._hosts = [_read_host(host) for host in hosts]

    @property
    def names(self) -> list[str]:
        return [one.name for one in self._hosts if one.network is None and not set(one.name) & set("*?")]

    def allows(self, host: str, port: int | None = None) -> bool:
        """Check whether a name or an address may be connected to at a port, or at any (None)."""
        address = address_of(host)
        for one in self._hosts:
            if port is not None and one.port not in (None, port):
                continue
            if address is not None and one.network is not None and address in one.network:
                return True
            if address is None and one.network is None and fnmatchcase(host, one.name):
                return True
        return False


def read_allowed(line: str) -> list[str]:
    """Return the hosts of a line of `mimic_allow_hosts`. They are separated by commas or blanks.

    Raises:
        ValueError: One of them is no host.
    """
    hosts = re.split(r"[\s,]+", line.partition("#")[0].strip())
    found = [host for host in hosts if host]
    for host in found:
        _read_host(host)
    return found


def _read_host(host: str) -> _AllowedHost:
    text, port = host.lower(), None
    if match := re.fullmatch(r"\[(.*)\](?::(\d+))?|([^:]*):(\d+)", text):
        text = match[1] or match[3]
        port = int(match[2] or match[4] or 0) or None
    try:
        return _AllowedHost(text, ip_network(address_of(text) or text, strict=False), port)
    except ValueError:
        pass
    if not _NAME.fullmatch(text) or (port or 0) > _HIGHEST_PORT:
        raise ValueError(
            f"{host} is not a host: write api.example.com, *.example.com, 10.0.0.0/8 or example.com:443"
        )
    return _AllowedHost(text.rstrip("."), None, port)
