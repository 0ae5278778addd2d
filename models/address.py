"""Which model servers may be spoken to: the setting's address taken apart, and where its host really is.

Without the writer's yes only this machine is reached, and no name is even looked up. What is connected to is the
address that was checked, not the name: see `models/server.py`.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from msgspec import Struct

from composer.errors import ModelNotReady

FORM = "Write it as server:http://127.0.0.1:11434/v1#MODEL, with your server's port and the name of its model."
PORTS = {"http": 80, "https": 443}
LOCALHOST = ("127.0.0.1", "::1")
"""What "localhost" stands for here, whatever a resolver would say."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]*[a-z0-9])?)*\.?")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?")
_Ip = IPv4Address | IPv6Address


class Address(Struct, frozen=True, kw_only=True):
    """A model server and one of its models."""

    scheme: str
    host: str
    """Lower case; an IPv6 address without its brackets."""
    port: int
    path: str
    """Before the API's own paths: "/v1"."""
    model: str
    """Empty: the only one that the server has."""

    @property
    def place(self) -> str:
        """ "host:port", as in the setting `allowed_hosts`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def root(self) -> str:
        """Where servers keep what is not part of OpenAI's API; without a slash at the end."""
        return f"{self.scheme}://{self.place}{self.path.removesuffix('/v1')}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.place}{self.path}"

    @property
    def setting(self) -> str:
        return f"server:{self.url}#{self.model}"


def parse(setting: str) -> Address:
    """Take "URL#MODEL" apart, with or without "server:" before it. Raises ModelNotReady when it is no such thing.

    The parts are put together anew for every request, so that no other reader of addresses can understand them
    differently.
    """
    url, _, model = setting.strip().removeprefix("server:").partition("#")
    if not url.isascii() or not url.isprintable() or re.search(r"[\s\\]", url):
        raise _malformed(setting, "it holds characters that an address cannot have")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _malformed(setting, "its host or port is not one") from error
    if parts.scheme not in PORTS:
        raise _malformed(setting, "it does not begin with http:// or https://")
    if "@" in parts.netloc:
        raise ModelNotReady(
            "The model server's address holds a user name or a key.",
            "Leave out what stands before the @, and put the key into the environment variable PICTORIAL_SERVER_KEY.",
        )
    if parts.query:
        raise _malformed(setting, "it holds a question mark")
    host = _host(parts.hostname or "", setting)
    path = parts.path.rstrip("/") or "/v1"
    return Address(scheme=parts.scheme, host=host, port=port or PORTS[parts.scheme], path=path, model=model.strip())


def is_here(address: Address) -> bool:
    """Whether the address is this machine's by its very spelling."""
    ip = _ip(address.host)
    return address.host == "localhost" or (ip is not None and ip.is_loopback)


def permit(address: Address, allowed: Sequence[str]) -> None:
    """Raise ModelNotReady unless the server is on this machine or the writer said yes to it. Looks nothing up."""
    if is_here(address) or address.place in {each.strip().lower() for each in allowed}:
        return
    raise ModelNotReady(
        f"The model server {address.place} is not on this machine: your texts and pictures would be sent there.",
        f"If you want that, run `python main.py models allow {address.place}`; otherwise choose another model.",
    )


def reachable(address: Address, allowed: Sequence[str]) -> list[str]:
    """The IP addresses to connect to, every one checked. Looks a name up, which can take seconds.

    Raises ModelNotReady as `permit` does, when the name is unknown, when one of its addresses is no server's, and when
    texts would travel unencrypted over a public network.
    """
    permit(address, allowed)
    if address.host == "localhost":
        return list(LOCALHOST)
    found = [_ip(each) for each in _looked_up(address)]
    for ip in found:
        if ip is None or ip.is_multicast or ip.is_unspecified or (ip.is_reserved and not ip.is_loopback):
            raise ModelNotReady(
                f"{address.host} stands for {ip}, which is no server's address.", "Correct the address in the settings."
            )
        if ip.is_global and address.scheme != "https":
            raise ModelNotReady(
                f"{address.place} is on the public network ({ip}), and http:// would send your texts readable by all.",
                "Use an https:// address there; plain http is for this machine and for private networks.",
            )
    return [str(ip) for ip in found]


def warning(setting: str) -> str:
    """A sentence for a server that is not on this machine; empty for one that is. Looks nothing up."""
    address = parse(setting)
    if is_here(address):
        return ""
    how = "encrypted" if address.scheme == "https" else "unencrypted"
    return f"Texts and pictures are sent to {address.place}, {how}."


def _host(host: str, setting: str) -> str:
    host = host.lower()
    ip = _ip(host)
    if ip is not None:
        if ip.is_unspecified:
            raise ModelNotReady(
                f"{host} is where a server listens, not where it is reached.", "Write 127.0.0.1 for this machine."
            )
        return str(ip)
    # 127.1, 0x7f000001 and 2130706433 are addresses to some programs and names to others.
    if not _NAME.fullmatch(host) or _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        raise _malformed(setting, "its host is neither a name nor an IP address")
    return host.removesuffix(".")


def _ip(text: str) -> _Ip | None:
    if "%" in text:  # a zone: means something on one machine only
        text = text.partition("%")[0]
    try:
        ip = ip_address(text)
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _looked_up(address: Address) -> list[str]:
    if _ip(address.host) is not None:
        return [address.host]
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ModelNotReady(
            f"No machine named {address.host} is known on this network.",
            "Check the address in the settings, and whether that machine is switched on.",
        ) from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _malformed(setting: str, why: str) -> ModelNotReady:
    shown = re.sub(r"//[^/#]*@", "//", setting)[:200]
    return ModelNotReady(f"{shown!r} is not the address of a model server: {why}.", FORM)
