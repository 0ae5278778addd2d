from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from composer.library import metadata, xmp
from composer.library.catalogue import Catalogue
from composer.library.metadata import Manifest, Row, Words, licence_name, read_manifest, split_name
from composer.types import Picture
from tests.library.conftest import Scan, paint

PACKET = """<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"
  photoshop:City="Fort William" photoshop:Country="Scotland"
  xmpRights:WebStatement="https://creativecommons.org/licenses/by-sa/4.0/deed.en">
<dc:title><rdf:Alt><rdf:li xml:lang="de">Burg</rdf:li><rdf:li xml:lang="x-default">Castle</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">Old Inverlochy Castle 城堡</rdf:li></rdf:Alt></dc:description>
<dc:subject><rdf:Bag><rdf:li>ruin</rdf:li><rdf:li>river</rdf:li></rdf:Bag></dc:subject>
<dc:creator><rdf:Seq><rdf:li>Jane Doe</rdf:li></rdf:Seq></dc:creator>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"""


def opened(kind: str = "JPEG", **options: object) -> Image.Image:
    file = io.BytesIO()
    paint(1).save(file, kind, **options)  # type: ignore[arg-type]
    image = Image.open(file)
    image.load()
    return image


def read(image: Image.Image, name: str = "x.jpg", row: Row | None = None, sidecar: bytes = b"") -> Words:
    return metadata.read(image, name, (), row, sidecar)


def said_by(image: Image.Image) -> Words:
    return read(image, "IMG_1234.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_xmp_is_read_from_every_kind(kind: str) -> None:
    options: dict[str, object] = {"xmp": PACKET.encode()}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", PACKET)
        options = {"pnginfo": info}
    if kind == "TIFF":
        options = {"tiffinfo": {700: PACKET.encode()}}
    words = said_by(opened(kind, **options))
    assert words.caption == "Old Inverlochy Castle 城堡"
    assert words.licence == "CC BY-SA 4.0"
    assert words.credit == "Photo: Jane Doe / CC BY-SA 4.0"
    assert all(word in words.words for word in ("ruin", "river", "Fort William", "Scotland", "Castle"))


def test_exif_and_windows_fields_are_read() -> None:
    exif = Image.Exif()
    exif[0x013B] = "Jörg Müller".encode()
    exif[0x8298] = "© 2020 Jörg Müller".encode()
    exif[0x9C9B] = "Die Mühle".encode("utf-16-le") + b"\0\0"
    exif[0x9C9E] = "mill;see".encode("utf-16-le")
    words = said_by(opened(exif=exif))
    assert words.caption == "Die Mühle"
    assert words.credit == "Photo: Jörg Müller"
    assert words.words == "Die Mühle mill see"


def test_iptc_is_read() -> None:
    def field(number: int, text: str) -> bytes:
        value = text.encode()
        return bytes([0x1C, 2, number]) + len(value).to_bytes(2, "big") + value

    iptc = (
        field(120, "渔船在港口")
        + field(25, "boat")
        + field(25, "harbour")
        + field(110, "Agency")
        + field(90, "Ålesund")
    )
    iptc += b"\0" * (len(iptc) % 2)
    resource = b"8BIM\x04\x04\0\0" + len(iptc).to_bytes(4, "big") + iptc
    segment = b"Photoshop 3.0\0" + resource
    file = io.BytesIO()
    paint(1).save(file, "JPEG")
    whole = file.getvalue()
    marked = whole[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + whole[2:]
    words = said_by(Image.open(io.BytesIO(marked)))
    assert (words.caption, words.credit) == ("渔船在港口", "Agency")
    assert words.words == "渔船在港口 boat harbour Ålesund"


def test_png_text_is_read() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Title", "A mill")
    info.add_text("Author", "Ann", zip=True)
    info.add_text("Comment", "Created with GIMP")
    words = said_by(opened("PNG", pnginfo=info))
    assert (words.caption, words.credit) == ("A mill", "Photo: Ann")


@pytest.mark.parametrize("noise", ["OLYMPUS DIGITAL CAMERA", "SONY DSC", "DCIM", "   ", "Created with GIMP", "<svg/>"])
def test_what_cameras_write_is_no_caption(noise: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = noise
    assert said_by(opened(exif=exif)) == Words()


def test_a_sidecar_goes_before_the_file_and_a_row_before_both() -> None:
    exif = Image.Exif()
    exif[0x010E] = "From the file"
    image = opened(exif=exif)
    assert read(image, sidecar=PACKET.encode()).caption == "Old Inverlochy Castle 城堡"
    row = Row(caption="From the list", licence="CC0", credit="By hand")
    assert read(image, "x.jpg", row, PACKET.encode()) == Words(
        "From the list",
        "From the list Castle Old Inverlochy Castle 城堡 ruin river Fort William Scotland x",
        "CC0",
        "By hand",
    )
    assert read(image, "x.jpg", Row(caption="c"), PACKET.encode()).credit == "Photo: Jane Doe / CC BY-SA 4.0"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_packets_come_in_several_encodings(encoding: str) -> None:
    text = PACKET.replace("\ufeff", "")[PACKET.index("<x:") - 1 :]
    assert xmp.read(text.encode(encoding)).creator == "Jane Doe"


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"<",
        b"\xff\xfe<",
        b"<a>" * 100_000,
        b"<x/>",
        b"\0" * 100,
        b" " * (5 << 20),
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + PACKET.encode()[40:],
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + PACKET).encode("utf-16"),
        b'<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><r>&e;</r>',
    ],
)
def test_packets_that_cannot_be_trusted_say_nothing(packet: bytes) -> None:
    assert xmp.read(packet) == xmp.Fields()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_packet(packet: bytes) -> None:
    assert isinstance(xmp.read(packet), xmp.Fields)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DSC_0042-oldMill_by_lake2", "old Mill by lake"),
        ("IMG_20240101_120000", ""),
        ("北京故宫2024", "北京故宫"),
        ("HTMLPage", "HTML Page"),
        ("00204d19487c160b2c791dc8d53c7c5141913106", ""),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", ""),
        ("", ""),
    ],
)
def test_names_become_words(name: str, words: str) -> None:
    assert split_name(name) == words


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://creativecommons.org/licenses/by-nc-nd/3.0/", "CC BY-NC-ND 3.0"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "Public Domain Mark 1.0"),
        ("Ask me first", "Ask me first"),
    ],
)
def test_licences_are_named(text: str, name: str) -> None:
    assert licence_name(text) == name


def only(catalogue: Catalogue) -> Picture:
    [picture] = catalogue.pictures(catalogue.rows([]).tolist()).values()
    return picture


def test_a_list_of_captions_is_used_and_its_changes_are_noticed(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    (folder / "birds").mkdir()
    paint(1).save(folder / "birds" / "heron.jpg")
    above, beside = folder / "captions.tsv", folder / "birds" / "captions.tsv"
    above.write_text(
        "file\tcaption\tlicence\tcredit\tsource\nbirds/heron.jpg\tA grey heron\tCC BY 4.0\tPhoto: A\thttps://x\n"
    )
    run()
    assert (only(catalogue).caption, only(catalogue).licence, only(catalogue).credit) == (
        "A grey heron",
        "CC BY 4.0",
        "Photo: A",
    )
    beside.write_text("\ufeffcaption\tfile\n苍鹭\theron.jpg\nbroken line\n\n", encoding="utf-8")
    *_, last = run()
    assert last.added == 1
    assert (only(catalogue).caption, only(catalogue).licence) == ("苍鹭", "")
    beside.unlink()
    above.unlink()
    run()
    assert only(catalogue).caption == ""
    *_, last = run()
    assert last.added == 0


@pytest.mark.parametrize("name", ["heron.xmp", "heron.jpg.xmp", "heron.XMP"])
def test_a_sidecar_is_used_and_its_changes_are_noticed(
    name: str, catalogue: Catalogue, folder: Path, run: Scan
) -> None:
    paint(1).save(folder / "heron.jpg")
    run()
    assert only(catalogue).caption == ""
    (folder / name).write_text(PACKET, "utf-8")
    run()
    assert only(catalogue).credit == "Photo: Jane Doe / CC BY-SA 4.0"


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\0", b"no header\nx", b"caption\nx", b"file\n", b"\tfile\t\n\t\t\t\n"])
def test_a_broken_list_says_nothing(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "captions.tsv").write_bytes(data)
    assert all(row == Row() for row in read_manifest(tmp_path / "captions.tsv", 1).rows.values())


def test_a_list_that_is_gone_says_nothing(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / "none.tsv", 1) == Manifest()
