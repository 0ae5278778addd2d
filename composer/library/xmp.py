"""XMP packets (ISO 16684-1): the few fields that matter to an article, read without trusting the XML."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from msgspec import Struct
from msgspec.structs import replace

MAX_PACKET = 4 << 20
_DC = "{http://purl.org/dc/elements/1.1/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_RIGHTS = "{http://ns.adobe.com/xap/1.0/rights/}"
_CC = "{http://creativecommons.org/ns#}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class Fields(Struct, frozen=True):
    """What metadata of any kind can say about a picture."""

    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    creator: str = ""
    credit: str = ""
    copyright: str = ""
    terms: str = ""
    """Licence: a name, a sentence or an address."""
    place: str = ""


def join(fields: Iterable[Fields]) -> Fields:
    """Field by field the first that says something."""
    joined = Fields()
    for each in fields:
        empty = {name: getattr(each, name) for name in Fields.__struct_fields__ if not getattr(joined, name)}
        joined = replace(joined, **empty)
    return joined


def read(packet: bytes) -> Fields:
    """The fields of a packet; empty ones when it is not XML, too long, or declares a DTD or entities."""
    text = _text(packet[: MAX_PACKET + 1]) if len(packet) <= MAX_PACKET else ""
    if not text or re.search(r"<!\s*(doctype|entity)", text, re.IGNORECASE):
        return Fields()  # entities can grow without bound or name files; no honest packet has them
    try:
        root = ET.fromstring(text)  # noqa: S314 - no DTD can be in it, see above
    except (ET.ParseError, ValueError, RecursionError):
        return Fields()
    properties: dict[str, list[str]] = {}
    for node in root.iter(f"{_RDF}Description"):
        _collect(node, properties)
    return _fields(properties)


def _fields(found: dict[str, list[str]]) -> Fields:
    def text(*names: str) -> str:
        return next((found[name][0] for name in names if found.get(name)), "")

    place = (text(_PHOTOSHOP + name) for name in ("City", "State", "Country"))
    return Fields(
        title=text(f"{_DC}title", f"{_PHOTOSHOP}Headline"),
        description=text(f"{_DC}description"),
        keywords=tuple(found.get(f"{_DC}subject", ())),
        creator=", ".join(found.get(f"{_DC}creator", ())),
        credit=text(f"{_PHOTOSHOP}Credit"),
        copyright=text(f"{_DC}rights"),
        terms=_terms(text(f"{_CC}license"), text(f"{_RIGHTS}UsageTerms"), text(f"{_RIGHTS}WebStatement")),
        place=" ".join(filter(None, place)),
    )


def _terms(licence: str, usage: str, statement: str) -> str:
    """A web statement is often just the photographer's home page: it counts first only if it names a known licence."""
    known = statement if "creativecommons.org/" in statement else ""
    return licence or known or usage or statement


def _collect(node: ET.Element, into: dict[str, list[str]]) -> None:
    """Properties of one rdf:Description: as attributes, as plain elements, or as lists of rdf:li."""
    for name, value in node.attrib.items():
        if value.strip():
            into.setdefault(name, []).append(value.strip())
    for child in node:
        items = sorted(child.iter(f"{_RDF}li"), key=lambda item: item.get(_LANG, "") != "x-default")
        values = [item.text for item in items] or [child.get(f"{_RDF}resource") or child.text]
        into.setdefault(child.tag, []).extend(value.strip() for value in values if value and value.strip())


def _text(packet: bytes) -> str:
    """Packets are UTF-8 or UTF-16, padded with spaces or zeros."""
    encoding = "utf-8-sig"
    if packet[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
    elif packet[:2] == b"<\0":
        encoding = "utf-16-le"
    elif packet[:2] == b"\0<":
        encoding = "utf-16-be"
    return packet.decode(encoding, "replace").strip("\0 \r\n\t")
