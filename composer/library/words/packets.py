"""Changing what an XMP packet says and keeping all else that it says: unknown properties, languages, comments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.dom import minidom
from xml.dom.minidom import Document, Element, Node
from xml.parsers.expat import ExpatError

from composer.errors import LibraryError
from composer.library.words import xmp
from composer.rights import licences

Value = str | int | Sequence[str]

_EMPTY = (
    "<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>\n"
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    '  <rdf:Description rdf:about=""/>\n'
    " </rdf:RDF>\n"
    "</x:xmpmeta>\n"
    "<?xpacket end='w'?>"
)
_PROPERTIES: Mapping[str, tuple[str, str]] = {
    "title": ("dc:title", "rdf:Alt"),
    "description": ("dc:description", "rdf:Alt"),
    "keywords": ("dc:subject", "rdf:Bag"),
    "people": ("Iptc4xmpExt:PersonInImage", "rdf:Bag"),
    "place": ("Iptc4xmpExt:LocationShown", "place"),
    "creator": ("dc:creator", "rdf:Seq"),
    "credit": ("photoshop:Credit", ""),
    "copyright": ("dc:rights", "rdf:Alt"),
    "licence": ("cc:license", "licence"),
    "rating": ("xmp:Rating", ""),
    "edited": ("pictorial:Edited", "rdf:Bag"),
}
"""The property of each field and what its values lie in."""
_XMLNS = "http://www.w3.org/2000/xmlns/"


def changed(packet: bytes, changes: Mapping[str, Value], name: str = "") -> bytes:
    """The packet with other values for some fields of xmp.Fields; everything else it says stays. Empty: a new one.

    Raises LibraryError when it is not an XMP packet; `name` is for that sentence.
    """
    document = _document(packet, name)
    nodes = _descriptions(document)
    edited = dict.fromkeys([*_listed(nodes, "pictorial:Edited"), *(each for each in changes if each != "rating")])
    for field, value in {**changes, "edited": tuple(edited)}.items():
        short, form = _PROPERTIES[field]
        others = _other_languages(nodes, short) if form == "rdf:Alt" and value else []
        _remove(nodes, short)
        if value:
            _add(document, nodes[0], short, form, value, others)
    return _written(document).encode("utf-8")


def _document(packet: bytes, name: str) -> Document:
    if packet.strip(b"\0 \r\n\t") and xmp.parse(packet) is None:
        raise _unreadable(name)
    try:
        document = minidom.parseString((xmp.text_of(packet) or _EMPTY).encode("utf-8"))  # noqa: S318 - no DTD, see xmp.parse
    except (ExpatError, ValueError, RecursionError) as error:
        raise _unreadable(name) from error
    if not _descriptions(document):
        raise _unreadable(name)
    return document


def _unreadable(name: str) -> LibraryError:
    return LibraryError(f"{name} is not an XMP file that can be read.", "Move it away, then change the words again.")


def _descriptions(document: Document) -> list[Element]:
    """The descriptions at the top; one is added when there is none."""
    found: list[Element] = []
    for top in document.getElementsByTagNameNS(xmp.NAMESPACES["rdf"], "RDF"):
        inside = _properties([top], "rdf:Description")
        if not inside:
            node = _element(document, top, "rdf:Description")
            node.setAttributeNS(xmp.NAMESPACES["rdf"], _qualified(node, "rdf:about"), "")
            inside = [top.appendChild(node)]
        found += inside
    return found


def _is(node: Node, short: str) -> bool:
    prefix, _, local = short.partition(":")
    return isinstance(node, Element) and (node.namespaceURI, node.localName) == (xmp.NAMESPACES[prefix], local)


def _properties(nodes: Iterable[Element], short: str) -> list[Element]:
    return [child for node in nodes for child in node.childNodes if isinstance(child, Element) and _is(child, short)]


def _items(nodes: Iterable[Element], short: str) -> list[Element]:
    uri = xmp.NAMESPACES["rdf"]
    return [item for found in _properties(nodes, short) for item in found.getElementsByTagNameNS(uri, "li")]


def _listed(nodes: Iterable[Element], short: str) -> list[str]:
    return [
        "".join(child.data for child in item.childNodes if isinstance(child, minidom.Text))
        for item in _items(nodes, short)
    ]


def _other_languages(nodes: Iterable[Element], short: str) -> list[Element]:
    """What the property says in languages that are named: the writer changed only the default."""
    uri = xmp.NAMESPACES["xml"]
    return [item for item in _items(nodes, short) if item.getAttributeNS(uri, "lang") not in {"", "x-default"}]


def _remove(nodes: Iterable[Element], short: str) -> None:
    prefix, _, local = short.partition(":")
    for node in nodes:
        if node.hasAttributeNS(xmp.NAMESPACES[prefix], local):
            node.removeAttributeNS(xmp.NAMESPACES[prefix], local)
        for child in _properties([node], short):
            node.removeChild(child)


def _add(document: Document, node: Element, short: str, form: str, value: Value, others: Sequence[Element]) -> None:
    """Put a property into a description: as text, as an address, or as a list."""
    found = node.appendChild(_element(document, node, short))
    if form == "place":
        item = _below(document, _below(document, found, "rdf:Bag"), "rdf:li")
        item.setAttributeNS(xmp.NAMESPACES["rdf"], _qualified(item, "rdf:parseType"), "Resource")
        found, form = _below(document, item, "Iptc4xmpExt:LocationName"), "rdf:Alt"
    address = next((each.address for each in licences(str(value)) if each.address), "") if form == "licence" else ""
    if address:
        found.setAttributeNS(xmp.NAMESPACES["rdf"], _qualified(found, "rdf:resource"), address)
    elif form in {"", "licence"}:
        found.appendChild(document.createTextNode(str(value)))
    else:
        top = _below(document, found, form)
        for text in [str(value)] if isinstance(value, str | int) else value:
            item = _below(document, top, "rdf:li")
            item.appendChild(document.createTextNode(text))
            if form == "rdf:Alt":
                item.setAttribute("xml:lang", "x-default")
        for other in others:
            top.appendChild(other)


def _below(document: Document, node: Element, short: str) -> Element:
    return node.appendChild(_element(document, node, short))


def _element(document: Document, node: Element, short: str) -> Element:
    """A new element to be put below the node, with its prefix declared."""
    prefix = short.partition(":")[0]
    made = document.createElementNS(xmp.NAMESPACES[prefix], short)
    if _uri(node, prefix) != xmp.NAMESPACES[prefix]:
        made.setAttributeNS(_XMLNS, f"xmlns:{prefix}", xmp.NAMESPACES[prefix])
    return made


def _qualified(node: Element, short: str) -> str:
    """The name of an attribute for the node; its prefix is declared there if it means something else above."""
    prefix = short.partition(":")[0]
    if _uri(node, prefix) != xmp.NAMESPACES[prefix]:
        node.setAttributeNS(_XMLNS, f"xmlns:{prefix}", xmp.NAMESPACES[prefix])
    return short


def _uri(node: Node | None, prefix: str) -> str:
    """What a prefix means at a node."""
    while isinstance(node, Element):
        if node.hasAttribute(f"xmlns:{prefix}"):
            return node.getAttribute(f"xmlns:{prefix}")
        node = node.parentNode
    return ""


# --- writing -------------------------------------------------------------------------------------------------------


def _written(node: Node) -> str:
    """XML as it was, line ends of attributes included, which minidom's own writer loses."""
    if isinstance(node, Document):
        return "\n".join(map(_written, node.childNodes)) + "\n"
    if isinstance(node, Element):
        told = "".join(f' {name}="{_escaped(value, quoted=True)}"' for name, value in node.attributes.items())
        inside = "".join(map(_written, node.childNodes))
        return f"<{node.tagName}{told}>{inside}</{node.tagName}>" if inside else f"<{node.tagName}{told}/>"
    if isinstance(node, minidom.Comment):
        return f"<!--{node.data}-->"
    if isinstance(node, minidom.ProcessingInstruction):
        return f"<?{node.target} {node.data}?>"
    return _escaped(node.data) if isinstance(node, minidom.Text) else ""


def _escaped(text: str, *, quoted: bool = False) -> str:
    for char, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
        text = text.replace(char, name)
    if quoted:
        for char, name in (('"', "&quot;"), ("\n", "&#10;"), ("\t", "&#9;")):
            text = text.replace(char, name)
    return text
