"""Makes a large library of real files, to index, search and browse by eye: no figure comes from here.

`python bench/_library.py PACKAGE FOLDER [--count 100000]`. PACKAGE is what `npm pack @iconify/json` fetches: over
200,000 icons of 200 sets with their names, categories, authors and licences. Each becomes a file of its own kind:
JPEG, PNG, WebP or TIFF, 128 to 400 pixels wide, in one of eight colours on a ground of its own, with what is known of
it written as EXIF, as XMP, in a sidecar or not at all, in folders by set and category. Every fiftieth file is a copy of
one of the demo's photographs, cropped, resized or recompressed, with a date and a place of its own. Needs `resvg_py`.
What is there already is left as it is.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from PIL import Image

GROUNDS = ("#ffffff", "#f4efe6", "#e8f1f8", "#eef6ea", "#fdf0f0", "#22262e", "#f6f2fb", "#fff8dc")
INKS = ("#b3261e", "#1f5fa8", "#1e7a3c", "#7a4fa3", "#c46a00", "#f5f0e6", "#333333", "#00838f")
PLACES = ("Lisbon", "Kyoto", "Bergen", "Hangzhou", "Oaxaca", "Tartu", "Fès", "北京", "", "", "")
FORMS: dict[str, dict[str, Any]] = {
    "jpg": {"quality": 85}, "png": {"compress_level": 3}, "webp": {"quality": 80, "method": 1},
    "tif": {"compression": "tiff_lzw"},
}  # fmt: skip
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" photoshop:City="{place}" photoshop:DateCreated="{date}">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{caption}</rdf:li></rdf:Alt></dc:description>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:subject><rdf:Bag>{keywords}</rdf:Bag></dc:subject>
<xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang="x-default">{licence}</rdf:li></rdf:Alt></xmpRights:UsageTerms>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def icons(package: Path, count: int) -> Iterator[tuple[str, str, str, dict[str, Any], dict[str, str]]]:
    """Set, category, name, the icon's record and the set's facts; spread over all sets."""
    with tarfile.open(package) as archive:
        names = [each for each in archive.getnames() if re.fullmatch(r"package/json/[^/]+\.json", each)]
        share = -(-count * 12 // (10 * len(names)))
        for name in names:
            stream = archive.extractfile(name)
            if stream is None:
                continue
            found = json.load(stream)
            info = found.get("info", {})
            facts = {
                "title": info.get("name", found["prefix"]),
                "author": info.get("author", {}).get("name", ""),
                "licence": info.get("license", {}).get("title", ""),
                "width": str(found.get("width", 16)),
                "height": str(found.get("height", 16)),
            }
            categories = {icon: kind for kind, those in found.get("categories", {}).items() for icon in those}
            those = list(found["icons"].items())
            step = max(1, len(those) // (4 * share))
            for icon, record in those[::step][: 4 * share]:
                yield found["prefix"], categories.get(icon, "other"), icon, record, facts


def svg(record: dict[str, Any], facts: dict[str, str], ink: str, ground: str) -> str:
    width, height = record.get("width", facts["width"]), record.get("height", facts["height"])
    left, top = record.get("left", 0), record.get("top", 0)
    side = max(float(width), float(height))
    edge = side * 0.12
    box = f"{left - edge} {top - edge} {float(width) + 2 * edge} {float(height) + 2 * edge}"
    paper = f'<rect x="{left - edge}" y="{top - edge}" width="200%" height="200%" fill="{ground}"/>'
    body = record["body"].replace("currentColor", ink)
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {spaces} viewBox="{box}">{paper}{body}</svg>'


def write(image: Image.Image, place: Path, facts: dict[str, str], chance: random.Random) -> None:
    """In a form and with words as chance has it."""
    form = chance.choices(["jpg", "png", "webp", "tif"], [55, 25, 15, 5])[0]
    place = place.with_name(f"{place.name}.{form}")
    place.parent.mkdir(parents=True, exist_ok=True)
    keywords = "".join(f"<rdf:li>{escape(word)}</rdf:li>" for word in facts["keywords"].split(", ") if word)
    safe = {name: escape(text, {'"': "&quot;"}) for name, text in facts.items()}
    packet = XMP.format(**{**safe, "keywords": keywords})
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = facts["caption"], facts["author"]
    exif[0x0132] = f"{facts['date'].replace('-', ':')} 12:00:00"
    how = chance.random()
    more: dict[str, Any] = dict(FORMS[form])
    if how < 0.4 and form in {"jpg", "webp", "png"}:
        more["xmp" if form != "png" else "exif"] = packet.encode() if form != "png" else exif
    elif how < 0.6:
        more["exif"] = exif
    elif how < 0.75:
        place.with_suffix(f"{place.suffix}.xmp").write_text(packet, "utf-8")
    image.convert("RGB").save(place, **more)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    args = parser.parse_args()
    import resvg_py

    photographs = sorted((Path(__file__).parents[1] / "demo" / "pictures").glob("*.jp*g"))
    done = 0
    for prefix, kind, name, record, facts in icons(args.package, args.count):
        if done >= args.count:
            break
        place = args.folder / prefix / re.sub(r"[/\\]+", " ", kind).strip() / name
        if any(place.with_name(f"{name}.{form}").exists() for form in FORMS):
            done += 1
            continue
        chance = random.Random(f"{prefix}/{name}")  # noqa: S311 - toy randomness
        words = re.sub(r"[-_]+", " ", name).strip()
        facts |= {
            "caption": f"{words.capitalize()}, {facts['title']} icon", "keywords": f"{words}, {kind}, icon",
            "place": chance.choice(PLACES),
            "date": f"{chance.randint(1995, 2026)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
        }  # fmt: skip
        try:
            if photographs and done % 50 == 0:
                image = Image.open(chance.choice(photographs)).convert("RGB")
                edge = chance.randint(0, 8)
                image = image.crop((edge, edge, image.width - edge, image.height - edge))
                side = chance.choice((320, 640, 800))
                image.thumbnail((side, side))
                facts["caption"] = facts["caption"].replace("icon", "cover photograph")
            else:
                source = svg(record, facts, chance.choice(INKS), chance.choice(GROUNDS))
                rendered = resvg_py.svg_to_bytes(svg_string=source, width=chance.randint(128, 400))
                image = Image.open(io.BytesIO(bytes(rendered)))
            write(image, place, facts, chance)
        except BaseException as error:  # the renderer panics over some, which is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            print(f"{prefix}:{name}: {error}", file=sys.stderr)
            continue
        done += 1
    print(f"{done} files in {args.folder}")


if __name__ == "__main__":
    main()
