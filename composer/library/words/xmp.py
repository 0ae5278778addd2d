"""XMP packets (ISO 16684-1): the fields that matter to an article, read without trusting the XML.

Names of fields: Dublin Core, photoshop, xmpRights, exif (XMP specification part 2); Iptc4xmpCore, Iptc4xmpExt and PLUS
(IPTC Photo Metadata Standard 2023.1); cc (ccREL); mwg-rs (Metadata Working Group 2.0); lr, digiKam, MicrosoftPhoto and
MP, which are what those programs write. `pictorial:Edited` names the fields that the writer changed in this program.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from xml.etree import ElementTree as ET

from msgspec import Struct
from msgspec.structs import replace

from composer.library.words.dates import day_of

MAX_PACKET = 4 << 20
_MOST_VALUES = 1_000
"""Values of one property; a hostile packet may have millions."""
NAMESPACES: Mapping[str, str] = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xml": "http://www.w3.org/XML/1998/namespace",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "cc": "http://creativecommons.org/ns#",
    "oldcc": "http://web.resource.org/cc/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "Photo": "http://ns.microsoft.com/photo/1.0",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "pictorial": "https://pictorial.invalid/ns/1.0/",
}
_PEOPLE = frozenset({"people", "persons", "person", "personen", "personnes", "人物", "人", "人名"})
_PLACES = frozenset({"places", "place", "locations", "location", "orte", "lieux", "地点", "地點", "地方"})
"""First words of hierarchical keywords that tell what kind of thing the last one is."""

_PERSON = "Iptc4xmpExt:PersonInImage"
_LOCATION = tuple(
    f"Iptc4xmpExt:{part}" for part in ("Sublocation", "LocationName", "City", "ProvinceState", "CountryName")
)


class Fields(Struct, frozen=True):
    """What metadata of any kind can say about a picture."""

    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    creator: str = ""
    credit: str = ""
    copyright: str = ""
    terms: str = ""
    """Usage terms as they are worded, or the address that states them."""
    place: str = ""
    licence: str = ""
    """Its address, id or name."""
    people: tuple[str, ...] = ()
    taken: str = ""
    """ISO 8601, as far as known."""
    source: str = ""
    """Address that it came from."""
    rating: int = 0
    """1 to 5; 0: none."""
    more: tuple[str, ...] = ()
    """Further words to find it by: the description in other languages, alternative text, the event."""
    edited: frozenset[str] = frozenset()
    """Names of fields that the writer changed in this program: they count before anything else, also when empty."""


def join(fields: Iterable[Fields]) -> Fields:
    """Field by field the first that says something, or that the writer left empty."""
    joined = Fields()
    for each in fields:
        names = [name for name in Fields.__struct_fields__ if name != "edited"]
        empty = {name: getattr(each, name) for name in names if not getattr(joined, name) and name not in joined.edited}
        joined = replace(joined, **empty, edited=joined.edited | each.edited)
    return joined


def read(packet: bytes) -> Fields:
    """The fields of a packet; empty ones when it is not XML, too long, or declares a DTD or entities."""
    root = parse(packet)
    return Fields() if root is None else _fields(_Properties(root))


def parse(packet: bytes) -> ET.Element | None:
    """The packet's XML; None when it is none that can be trusted."""
    text = text_of(packet[: MAX_PACKET + 1]) if len(packet) <= MAX_PACKET else ""
    if not text or re.search(r"<!\s*(doctype|entity)", text, re.IGNORECASE):
        return None  # entities can grow without bound or name files; no honest packet has them
    try:
        return ET.fromstring(text)  # noqa: S314 - no DTD can be in it, see above
    except (ET.ParseError, ValueError, RecursionError):
        return None


def name(short: str) -> str:
    """The full name of a property: "dc:title" gives "{http://purl.org/dc/elements/1.1/}title"."""
    prefix, _, local = short.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


_LI, _LANG, _RESOURCE, _DESCRIPTION = name("rdf:li"), name("xml:lang"), name("rdf:resource"), name("rdf:Description")


class _Properties:
    """The properties of a packet: as attributes or elements of the descriptions at its top, values or structures."""

    def __init__(self, root: ET.Element) -> None:
        tops = root.iter(name("rdf:RDF"))
        self._nodes = [node for top in tops for node in top if node.tag == _DESCRIPTION][:_MOST_VALUES]

    def texts(self, *names: str) -> tuple[str, ...]:
        """The values of the first of the properties that has any; of several languages the default comes first."""
        for each in names:
            if found := tuple(dict.fromkeys(_values(self._nodes, name(each)))):
                return found
        return ()

    def text(self, *names: str) -> str:
        """The first value."""
        return next(iter(self.texts(*names)), "")

    def structures(self, short: str) -> list[ET.Element]:
        """The structures that a property lists."""
        found = [each for node in self._nodes for each in node.findall(name(short))]
        return [item for each in found for item in (list(each.iter(_LI)) or [each])][:_MOST_VALUES]

    def anywhere(self, short: str, part: str) -> list[str]:
        """The values of a part at whatever depth of a property."""
        tops = (each for node in self._nodes for each in node.findall(name(short)))
        return list(_values(chain.from_iterable(top.iter() for top in tops), name(part)))

    def inside(self, short: str, *parts: str) -> list[str]:
        """Of each structure of the property the first value of each part that it has, joined by commas."""
        lines = (
            ", ".join(filter(None, (next(_values([item, *item], name(part)), "") for part in parts)))
            for item in self.structures(short)
        )
        return [line for line in lines if line]


def _values(nodes: Iterable[ET.Element], wanted: str) -> Iterator[str]:
    """Values of a property of the nodes: an attribute, a plain element, or a list of rdf:li."""
    left = _MOST_VALUES
    for node in nodes:
        found: list[str | None] = [node.get(wanted)]
        for child in node.findall(wanted):
            items = sorted(child.iter(_LI), key=lambda item: item.get(_LANG, "") != "x-default")
            found += [item.text or item.get(_RESOURCE) for item in items] or [child.get(_RESOURCE) or child.text]
        for value in found:
            if value and value.strip() and left:
                left -= 1
                yield value.strip()


def _fields(found: _Properties) -> Fields:
    edited = frozenset(found.texts("pictorial:Edited")) & frozenset(Fields.__struct_fields__)

    def texts(field: str, *names: str) -> tuple[str, ...]:
        """Of a field that the writer changed only the property that is written for it counts: the first."""
        return found.texts(*(names[:1] if field in edited else names))

    def text(field: str, *names: str) -> str:
        return next(iter(texts(field, *names)), "")

    descriptions, titles = found.texts("dc:description"), texts("title", "dc:title", "photoshop:Headline")
    tags = [*_paths(found.texts("lr:hierarchicalSubject"), "|"), *_paths(found.texts("digiKam:TagsList"), "/")]
    terms, statement = (
        found.text("xmpRights:UsageTerms", "photoshop:Instructions"),
        found.text("xmpRights:WebStatement"),
    )
    licence = text("licence", "cc:license", "oldcc:license", "plus:OtherLicenseInfo")
    creative = "creativecommons.org/" in statement
    rights = text("copyright", "dc:rights", "plus:CopyrightOwner")
    if not licence and "licence" not in edited:
        licence = statement if creative else _free(found) if not (terms or rights) else ""
    return Fields(
        title=titles[0] if titles else "",
        description=descriptions[0] if descriptions else "",
        keywords=_keywords(found, [] if "keywords" in edited else tags),
        creator=", ".join(texts("creator", "dc:creator", "cc:attributionName")),
        credit=found.text("photoshop:Credit"),
        copyright=rights,
        terms=terms or ("" if creative else statement) or _licensor(found),
        place=_shown(found) if "place" in edited else _place(found, tags),
        licence=licence,
        people=found.texts(_PERSON) if "people" in edited else _people(found, tags),
        taken=_taken(found),
        source=_source(found),
        rating=_rating(found),
        more=(*descriptions[1:], *titles[1:], *_more(found)),
        edited=edited,
    )


def _free(found: _Properties) -> str:
    """XMP specification part 2, 2.4: a picture that is said not to be rights-managed is in the public domain."""
    return "Public domain" if found.text("xmpRights:Marked").lower() == "false" else ""


def _paths(texts: Iterable[str], gap: str) -> list[tuple[str, ...]]:
    return [tuple(part.strip() for part in text.split(gap) if part.strip()) for text in texts]


def _keywords(found: _Properties, tags: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Plain keywords, and the last words of hierarchical ones that programs did not write as plain ones too."""
    plain = found.texts("dc:subject", "MicrosoftPhoto:LastKeywordXMP", "Photo:LastKeywordXMP")
    deep = [tag[-1] for tag in tags if tag and tag[0].lower() not in _PEOPLE | _PLACES]
    return tuple(dict.fromkeys((*plain, *deep)))


def _people(found: _Properties, tags: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Names given by hand first, then those of faces that a program was told, then of keywords below "People"."""
    named = [*found.texts(_PERSON)]
    named += found.inside("Iptc4xmpExt:PersonInImageWDetails", "Iptc4xmpExt:PersonName")
    for region in found.structures("mwg-rs:Regions"):
        if next(_values([region, *region], name("mwg-rs:Type")), "") == "Face":
            named += list(_values([region, *region], name("mwg-rs:Name")))[:1]
    named += found.anywhere("MP:RegionInfo", "MPReg:PersonDisplayName")
    named += [tag[-1] for tag in tags if len(tag) > 1 and tag[0].lower() in _PEOPLE]
    return tuple(dict.fromkeys(named))


def _place(found: _Properties, tags: list[tuple[str, ...]]) -> str:
    """What is shown goes before where the camera stood (IPTC 2023.1, Location Shown in the Image)."""
    older = ("Iptc4xmpCore:Location", "photoshop:City", "photoshop:State", "photoshop:Country")
    told = (
        _shown(found),
        ", ".join(found.text(each) for each in older if found.text(each)),
        next(iter(found.inside("Iptc4xmpExt:LocationCreated", *_LOCATION)), ""),
        *(", ".join(reversed(tag[1:])) for tag in tags if len(tag) > 1 and tag[0].lower() in _PLACES),
    )
    return next(filter(None, told), "")


def _shown(found: _Properties) -> str:
    return next(iter(found.inside("Iptc4xmpExt:LocationShown", *_LOCATION)), "")


def _taken(found: _Properties) -> str:
    """When it was made. Dates of digitising and of changes say nothing of that."""
    told = (
        *(day_of(text) for text in found.texts("photoshop:DateCreated")),
        *(day_of(text, device=True) for text in found.texts("exif:DateTimeOriginal")),
    )
    return next(filter(None, told), "")


def _source(found: _Properties) -> str:
    told = found.texts("cc:attributionURL") + found.texts("dc:source") + found.texts("photoshop:Source")
    return next((text for text in told if "://" in text), "")


def _licensor(found: _Properties) -> str:
    return next(iter(found.inside("plus:Licensor", "plus:LicensorName", "plus:LicensorURL")), "")


def _rating(found: _Properties) -> int:
    """Stars. Microsoft writes per cent: 1, 25, 50, 75 and 99."""
    stars, percent = _number(found.text("xmp:Rating")), _number(found.text("MicrosoftPhoto:Rating", "Photo:Rating"))
    return min(5, max(0, stars)) or (min(5, percent // 25 + 1) if percent > 0 else 0)


def _number(text: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return 0


def _more(found: _Properties) -> tuple[str, ...]:
    headline = found.text("photoshop:Headline") if found.text("dc:title") else ""
    names = ("Iptc4xmpCore:AltTextAccessibility", "Iptc4xmpCore:ExtDescrAccessibility", "Iptc4xmpExt:Event")
    return tuple(filter(None, (headline, *(text for each in names for text in found.texts(each)))))


def text_of(packet: bytes) -> str:
    """Packets are UTF-8 or UTF-16, padded with spaces or zeros."""
    encoding = "utf-8-sig"
    if packet[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
    elif packet[:2] == b"<\0":
        encoding = "utf-16-le"
    elif packet[:2] == b"\0<":
        encoding = "utf-16-be"
    return packet.decode(encoding, "replace").strip("\0 \r\n\t")
