from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from composer.library.catalogue import Catalogue
from composer.library.words import metadata, xmp
from composer.library.words.embedded import decoded
from composer.library.words.metadata import COLUMNS, Manifest, Words, licence_name, read_manifest, split_name
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


def read(image: Image.Image, name: str = "x.jpg", row: Words | None = None, sidecar: bytes = b"") -> Words:
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


def with_iptc(fields: list[tuple[int, bytes]]) -> Image.Image:
    iptc = b"".join(bytes([0x1C, 2, number]) + len(value).to_bytes(2, "big") + value for number, value in fields)
    iptc += b"\0" * (len(iptc) % 2)
    segment = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(iptc).to_bytes(4, "big") + iptc
    file = io.BytesIO()
    paint(1).save(file, "JPEG")
    whole = file.getvalue()
    marked = whole[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + whole[2:]
    return Image.open(io.BytesIO(marked))


def test_iptc_is_read() -> None:
    texts = {
        120: "渔船在港口",
        110: "Agency",
        90: "Ålesund",
        101: "Norway",
        105: "Boats",
        55: "20170300",
        40: "No sales",
    }
    fields = [(number, text.encode()) for number, text in texts.items()]
    words = said_by(with_iptc([*fields, (25, b"boat"), (25, b"harbour"), (80, b"A"), (80, b"B")]))
    assert (words.caption, words.credit, words.title, words.creator) == ("渔船在港口", "Agency", "Boats", "A, B")
    assert words.words == "渔船在港口 Boats boat harbour Ålesund, Norway"
    assert (words.place, words.taken, words.terms) == ("Ålesund, Norway", "2017-03", "No sales")
    assert words.keywords == "boat; harbour"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("渔船在港口 boat".encode("gb18030"), "渔船在港口 boat"),
        ("Größe, Müller".encode("cp1252"), "Größe, Müller"),
        ("Größe, 渔船".encode(), "Größe, 渔船"),
        (b"\xff\xfe\x81", "ÿþ\ufffd"),
        (b"\xb0\xa1" * 20_000 + b"\xff", ""),
    ],
)
def test_old_encodings_are_told_apart(data: bytes, text: str) -> None:
    assert decoded(data).startswith(text)


def test_exif_tells_day_place_and_comment() -> None:
    exif = Image.Exif()
    inner = exif.get_ifd(0x8769)
    inner[0x9003], inner[0x9011] = "2018:06:07 23:00:00", "+08:00"
    inner[0x9286] = b"UNICODE\0" + "用户".encode("utf-16-be")
    gps = exif.get_ifd(0x8825)
    gps[0x001C] = b"ASCII\0\0\0Fort William"
    gps[2] = (56.0, 49.0, 0.0)
    words = said_by(opened(exif=exif))
    assert (words.taken, words.place, words.caption) == ("2018-06-07", "Fort William", "用户")


@pytest.mark.parametrize("text", ["0000:00:00 00:00:00", "1904:01:01 00:00:00", "2222:01:01 00:00:00", "    "])
def test_a_camera_whose_clock_was_not_set_tells_no_day(text: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = text
    assert said_by(opened(exif=exif)).taken == ""


def test_png_text_is_read() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("Title", "A mill")
    info.add_text("Author", "Ann", zip=True)
    info.add_text("Comment", "Created with GIMP")
    info.add_text("Creation Time", "Sat, 04 May 2019 10:00:00 GMT")
    info.add_text("Source", "A camera")
    words = said_by(opened("PNG", pnginfo=info))
    assert (words.taken, words.source, words.title) == ("2019-05-04", "", "A mill")
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
    row = Words(caption="From the list", licence="CC0", credit="By hand")
    words = read(image, "x.jpg", row, PACKET.encode())
    assert (words.caption, words.licence, words.credit) == ("From the list", "CC0", "By hand")
    assert words.words == (
        "From the list Castle ruin river Fort William, Scotland Old Inverlochy Castle 城堡 From the file Burg x"
    )
    assert read(image, "x.jpg", Words(caption="c"), PACKET.encode()).credit == "Photo: Jane Doe / CC BY-SA 4.0"


RICH = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
  xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:cc="http://creativecommons.org/ns#"
  xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
  xmlns:regions="http://www.metadataworkinggroup.com/schemas/regions/"
  xmlns:r="http://ns.adobe.com/xap/1.0/rights/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
  xmlns:MP="http://ns.microsoft.com/photo/1.2/" xmlns:RI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
  xmlns:Reg="http://ns.microsoft.com/photo/1.2/t/Region#" xmlns:ms="http://ns.microsoft.com/photo/1.0/"
  photoshop:DateCreated="2019-05" ms:Rating="75" r:WebStatement="https://x.org/terms">
<dc:description><rdf:Alt><rdf:li xml:lang="zh">水坝</rdf:li>
  <rdf:li xml:lang="x-default">A weir</rdf:li></rdf:Alt></dc:description>
<dc:subject><rdf:Bag><rdf:li>mill; old</rdf:li></rdf:Bag></dc:subject>
<dc:source>https://x.org/1</dc:source>
<cc:license rdf:resource="https://creativecommons.org/licenses/by-nc/4.0/"/>
<ext:PersonInImage><rdf:Bag><rdf:li>Jane Doe</rdf:li><rdf:li>王伟</rdf:li></rdf:Bag></ext:PersonInImage>
<ext:PersonInImageWDetails><rdf:Bag><rdf:li rdf:parseType="Resource"><ext:PersonName><rdf:Alt>
  <rdf:li xml:lang="x-default">Famous</rdf:li></rdf:Alt></ext:PersonName></rdf:li></rdf:Bag></ext:PersonInImageWDetails>
<ext:LocationShown><rdf:Bag><rdf:li>
  <rdf:Description ext:City="Ålesund" ext:CountryName="Norway"/></rdf:li></rdf:Bag></ext:LocationShown>
<regions:Regions rdf:parseType="Resource"><regions:RegionList><rdf:Bag>
  <rdf:li><rdf:Description regions:Name="Face One" regions:Type="Face"/></rdf:li>
  <rdf:li rdf:parseType="Resource"><regions:Name>Rex</regions:Name><regions:Type>Pet</regions:Type></rdf:li>
</rdf:Bag></regions:RegionList></regions:Regions>
<MP:RegionInfo rdf:parseType="Resource"><RI:Regions><rdf:Bag>
  <rdf:li Reg:PersonDisplayName="Face Two"/></rdf:Bag></RI:Regions></MP:RegionInfo>
<lr:hierarchicalSubject><rdf:Bag>
  <rdf:li>Nature|Water</rdf:li><rdf:li>People|Kin|Tom</rdf:li></rdf:Bag></lr:hierarchicalSubject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_every_field_of_a_packet_is_read() -> None:
    words = read(opened(), "x.jpg", sidecar=RICH.encode())
    assert words.people == "Jane Doe; 王伟; Famous; Face One; Face Two; Tom"
    assert all(name in words.words for name in ("Jane Doe", "王伟", "Face Two", "水坝", "Water"))
    assert "Rex" not in words.words
    assert (words.caption, words.place, words.taken) == ("A weir", "Ålesund, Norway", "2019-05")
    assert (words.licence, words.terms, words.source) == ("CC BY-NC 4.0", "https://x.org/terms", "https://x.org/1")
    assert words.keywords == "mill, old; Water"
    assert xmp.read(RICH.encode()).rating == 4


@pytest.mark.parametrize(
    ("marked", "licence"),
    [('r:Marked="False"', "Public domain"), ('r:Marked="True"', ""), ('r:Marked="False" p:x="1"', "Public domain")],
)
def test_a_picture_that_is_not_rights_managed_is_in_the_public_domain(marked: str, licence: str) -> None:
    packet = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:p="urn:p"'
        f' xmlns:r="http://ns.adobe.com/xap/1.0/rights/" {marked}/></rdf:RDF>'
    )
    assert xmp.read(packet.encode()).licence == licence


def test_what_the_writer_changed_goes_before_everything_also_when_emptied() -> None:
    changed = RICH.replace(
        "<dc:source>",
        (
            '<p:Edited xmlns:p="https://pictorial.invalid/ns/1.0/"><rdf:Bag><rdf:li>description</rdf:li>'
            "<rdf:li>title</rdf:li><rdf:li>nonsense</rdf:li></rdf:Bag></p:Edited><dc:source>"
        ),
    )
    exif = Image.Exif()
    exif[0x9C9B] = "A title".encode("utf-16-le")
    words = read(
        opened(exif=exif), row=Words(caption="From the list", title="Also", place="Rome"), sidecar=changed.encode()
    )
    assert (words.caption, words.title, words.place) == ("A weir", "", "Rome")
    assert "From the list" not in words.words
    kept = changed.replace("A weir", "Kept elsewhere").encode()
    assert metadata.read(opened(), "x.jpg", (), None, changed.encode(), kept).caption == "Kept elsewhere"


@pytest.mark.parametrize(
    "packet",
    [
        RICH.replace("<dc:source>", "<rdf:li>" * 9_000 + "</rdf:li>" * 9_000 + "<dc:source>"),
        RICH.replace("<rdf:li>Jane Doe</rdf:li>", "<rdf:li>Jane Doe</rdf:li>" * 60_000),
        RICH.replace("A weir", "weir " * 700_000),
        RICH.replace("</rdf:RDF>", "<rdf:Description/>" * 150_000 + "</rdf:RDF>"),
    ],
)
@pytest.mark.timeout(30)  # they take a tenth of a second; what must not be is a growth with the square
def test_long_packets_cost_little(packet: str) -> None:
    words = read(opened(), sidecar=packet.encode())
    assert len(words.words) <= metadata.MAX_WORDS


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


def test_stars_of_other_programs_count_until_the_writer_marks_the_picture(
    catalogue: Catalogue, folder: Path, run: Scan
) -> None:
    paint(1).save(folder / "heron.jpg")
    run()
    id_ = only(catalogue).id
    assert catalogue.marks.of([id_]) == {}
    (folder / "heron.xmp").write_text(RICH, "utf-8")
    run()
    assert catalogue.marks.of([id_])[id_].rating == 4
    catalogue.marks.put([id_], rating=2)
    (folder / "heron.xmp").write_text(RICH + " ", "utf-8")
    run()
    assert catalogue.marks.of([id_])[id_].rating == 2


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\0", b"no header\nx", b"caption\nx", b"file\n", b"\tfile\t\n\t\t\t\n"])
def test_a_broken_list_says_nothing(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "captions.tsv").write_bytes(data)
    assert all(row == Words() for row in read_manifest(tmp_path / "captions.tsv", 1).rows.values())


def test_a_list_may_have_every_column(tmp_path: Path) -> None:
    cells = [f"{column} 1; two" for column in COLUMNS]
    cells[COLUMNS.index("taken")] = "2019年5月4日"
    text = "\t".join(["file", *COLUMNS, "other"]) + "\n" + "\t".join(["x.jpg", *cells, "?"]) + "\n"
    (tmp_path / "captions.tsv").write_text(text, "utf-8")
    row = read_manifest(tmp_path / "captions.tsv", 1).rows["x.jpg"]
    words = read(opened(), row=row)
    assert words.people == "people 1; two"
    assert words.keywords == "keywords 1; two"
    assert words.taken == "2019-05-04"
    for column in ("caption", "title", "place", "creator", "copyright", "terms", "source", "licence", "credit"):
        assert getattr(words, column) == f"{column} 1; two"
    assert "people 1" in words.words
    assert "other" not in words.words


def test_a_list_that_is_gone_says_nothing(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / "none.tsv", 1) == Manifest()
