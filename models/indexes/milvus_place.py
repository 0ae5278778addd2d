"""Where an index on Milvus lies: the setting taken apart, and whether it may be spoken to.

`milvus://HOST:PORT/COLLECTION` is a server, `milvus+tls://` the same encrypted, `milvus:FILE.db` a folder of this
machine that Milvus Lite keeps. `?index=DISKANN` after a collection names how the server shall index it.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl

from msgspec import Struct
from msgspec.structs import replace

from composer.errors import ModelNotReady
from models import address as addresses
from models.address import Address

FORM = "Write milvus://127.0.0.1:19530/pictures, your server and a name of your choice, or milvus:/FOLDER/FILE.db."
INSTALL = "Install it with: pip install 'pictorial[milvus]'."
PORT = 19530
KINDS = ("AUTOINDEX", "HNSW", "DISKANN", "FLAT")
"""How a server may index: as it likes, graph in memory, graph on disk, exactly."""
COLLECTION = "pictorial"
"""The collection of a setting that names none."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SCHEMES = {"milvus": "http", "milvus+tls": "https"}


class MilvusPlace(Struct, frozen=True, kw_only=True):
    """A collection of a server, or of a folder of this machine; one of `server` and `file` is set."""

    server: Address | None = None
    file: Path | None = None
    collection: str = COLLECTION
    kind: str = "AUTOINDEX"

    @property
    def title(self) -> str:
        """What people call it."""
        return self.server.place if self.server is not None else str(self.file)


def parse(setting: str) -> MilvusPlace:
    """Take the setting apart. Raises ModelNotReady when it names no such place. Looks nothing up."""
    scheme, slashes, rest = setting.strip().partition("://")
    if slashes and scheme in _SCHEMES:
        return _on_server(setting, scheme, rest)
    kind, _, name = setting.strip().partition(":")
    if kind != "milvus" or not name.endswith(".db") or slashes:
        raise _malformed(setting, "it names neither a server nor a file that ends in .db")
    return MilvusPlace(file=Path(name).expanduser().absolute(), kind="FLAT")


def judged(setting: str, allowed: Sequence[str]) -> str:
    """A setting that can be kept: it names a place, which may be spoken to, and what speaks to it is installed.

    A file's path is made absolute. Raises ModelNotReady; no connection is made.
    """
    if not setting.strip():
        return ""
    place = parse(setting)
    permit(place, allowed)
    check_installed(place)
    return f"milvus:{place.file}" if place.file is not None else setting.strip()


def check_installed(place: MilvusPlace) -> None:
    """Raise ModelNotReady unless the packages for that kind of place are here."""
    for name in ("pymilvus", "milvus_lite") if place.file is not None else ("pymilvus",):
        if importlib.util.find_spec(name) is None:
            raise ModelNotReady(f"The index is set to Milvus, but {name} is not installed.", INSTALL)


def permit(place: MilvusPlace, allowed: Sequence[str]) -> None:
    """Raise ModelNotReady unless the place is on this machine or the writer said yes to it. Looks nothing up."""
    server = place.server
    if server is None or addresses.is_here(server) or server.place in {each.strip().lower() for each in allowed}:
        return
    raise ModelNotReady(
        f"The Milvus server {server.place} is not on this machine: your pictures' vectors would be sent there.",
        f"If you want that, run `python main.py models allow {server.place}`; otherwise empty `index` in the settings.",
    )


def reachable(place: MilvusPlace, allowed: Sequence[str]) -> list[str]:
    """The IPv4 addresses of the server, every one checked. Looks a name up, which can take seconds.

    Raises ModelNotReady as `permit` does and as `models.address.reachable`. pymilvus cannot write IPv6 addresses.
    """
    permit(place, allowed)
    if place.server is None:
        return []
    found = [each for each in addresses.reachable(place.server, allowed) if ":" not in each]
    if not found:
        raise ModelNotReady(
            f"{place.server.host} has no IPv4 address, and Milvus is reached by none other.",
            "Write the server's IPv4 address into the settings.",
        )
    return found


def _on_server(setting: str, scheme: str, rest: str) -> MilvusPlace:
    where, _, options = rest.partition("?")
    host, _, collection = where.partition("/")
    try:
        server = addresses.parse(f"{_SCHEMES[scheme]}://{host}")
    except ModelNotReady as error:
        raise _malformed(setting, "its host or port is not one") from error
    if not re.search(r":\d+$", host):
        server = replace(server, port=PORT)
    kind = dict(parse_qsl(options)).get("index", "AUTOINDEX").upper()
    collection = collection or COLLECTION
    if not _NAME.fullmatch(collection):
        raise _malformed(setting, "the name after its host must be letters, digits and underscores")
    if kind not in KINDS or (options and not re.fullmatch(r"index=[A-Za-z_]+", options)):
        raise _malformed(setting, f"after the question mark there may only be index= and one of {', '.join(KINDS)}")
    return MilvusPlace(server=server, collection=collection, kind=kind)


def _malformed(setting: str, why: str) -> ModelNotReady:
    shown = re.sub(r"//[^/#]*@", "//", setting)[:200]
    return ModelNotReady(f"{shown!r} is no place for an index on Milvus: {why}.", FORM)
