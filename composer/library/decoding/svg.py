"""Drawings in SVG, made into pixels without reading anything else; taken in only where a folder's rules name them."""

from __future__ import annotations

import io
import re
from io import BufferedReader
from xml.etree import ElementTree as ET

from PIL import Image

from composer.library.decoding.quality import Begun, UnusablePicture

SIDE = 2048
"""Longest side in pixels that a drawing is given."""
MAX_BYTES = 16 << 20
MAX_RATIO = 50
"""Of the longer side to the shorter."""
_SVG = "{http://www.w3.org/2000/svg}"
_HREF = ("href", "{http://www.w3.org/1999/xlink}href")
_INSIDE = re.compile(r"\s*(#|data:image/(png|jpe?g|gif|webp)[;,])", re.IGNORECASE)
"""References that may stay: to parts of the drawing and to pictures that are in it."""
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*>")
_UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}


def begin(file: BufferedReader) -> Begun:
    """What a drawing shows, `SIDE` pixels long, transparent where nothing is drawn. Raises UnusablePicture.

    Rendered by resvg after SVG 1.1: no scripts, no animation. References to other files and to addresses are taken out.
    """
    import resvg_py

    root = _parsed(file.read(MAX_BYTES + 1))
    width, height = _size(root)
    wide = width >= height
    _shut_in(root)
    speaks = next(root.iter(f"{_SVG}text"), None) is not None
    text = ET.tostring(root, encoding="unicode")
    try:
        drawn = resvg_py.svg_to_bytes(
            svg_string=text,
            skip_system_fonts=not speaks,
            width=SIDE if wide else None,
            height=None if wide else SIDE,
        )
    except ValueError as error:
        raise UnusablePicture("a drawing that cannot be read") from error
    source = Image.open(io.BytesIO(drawn), formats=("PNG",))
    for name in ("title", "desc"):
        told = root.findtext(_SVG + name, "")
        source.info["Title" if name == "title" else "Description"] = told
    return Begun(source, *source.size)


def _parsed(data: bytes) -> ET.Element:
    if len(data) > MAX_BYTES:
        raise UnusablePicture(f"too large (drawings of up to {MAX_BYTES >> 20} MB are read)")
    data = _DOCTYPE.sub(b"", data, count=1)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise UnusablePicture("a drawing that defines entities, which are not read")
    try:
        root = ET.fromstring(data)  # noqa: S314 - entities were refused above
    except ET.ParseError as error:
        raise UnusablePicture("not a picture that can be read") from error
    if root.tag != f"{_SVG}svg":
        raise UnusablePicture("not a picture that can be read")
    return root


def _size(root: ET.Element) -> tuple[float, float]:
    """Width and height in CSS pixels: its own, else those of its view (SVG 1.1, 7.8)."""
    view = [float(each) for each in re.findall(r"-?[\d.]+(?:e-?\d+)?", root.get("viewBox", ""))]
    box = (view[2], view[3]) if len(view) == 4 else (100.0, 100.0)
    width = _length(root.get("width", "")) or box[0]
    height = _length(root.get("height", "")) or box[1]
    if min(width, height) <= 0 or max(width, height) > MAX_RATIO * min(width, height):
        raise UnusablePicture("a drawing without a size that can be shown")
    return width, height


def _length(text: str) -> float:
    found = re.fullmatch(r"\s*([\d.]+)\s*([a-z]*)\s*", text)
    return float(found[1]) * _UNITS.get(found[2], 0.0) if found else 0.0


def _shut_in(root: ET.Element) -> None:
    """Take out whatever leads outside."""
    for element in root.iter():
        for name in _HREF:
            if name in element.attrib and not _INSIDE.match(element.attrib[name]):
                del element.attrib[name]
