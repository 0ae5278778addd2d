"""Formats that cameras, telephones and printers write: each shows what it should, upright and in sRGB."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from composer.library.catalogue import Catalogue
from composer.library.decoding import quality
from composer.library.decoding.quality import UnusablePicture, open_upright
from composer.library.filling.folders import Folder
from tests.library.conftest import Scan, paint, quarters, reasons
from tests.library.makers import HEIC_DEEP, HEIC_TURNED, dng, rgb_tiff

COLOURS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)])


def data(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def turned(kind: str, mode: str = "RGB") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    options: dict[str, object] = {"quality": 95} if kind != "TIFF" else {}
    return data(quarters().transpose(Image.Transpose.ROTATE_90).convert(mode), kind, exif=exif, **options)


def lab() -> bytes:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    converted = ImageCms.applyTransform(quarters(), to_lab)
    assert converted is not None
    return data(converted, "TIFF")


def jpeg(size: tuple[int, int], **options: object) -> bytes:
    return data(quarters(size), "JPEG", **options)


def corners(image: Image.Image) -> np.ndarray:
    right, bottom = image.width - 11, image.height - 11
    return np.array([image.getpixel(at) for at in ((10, 10), (right, 10), (right, bottom), (10, bottom))])


SHOWN: dict[str, tuple[str, Callable[[], bytes], int]] = {
    "jpeg turned": ("a.jpg", lambda: turned("JPEG"), 12),
    "png turned": ("a.png", lambda: data(quarters(), "PNG"), 0),
    "webp turned": ("a.webp", lambda: turned("WEBP"), 70),
    "avif turned": ("a.avif", lambda: turned("AVIF"), 30),
    "tiff turned": ("a.tif", lambda: turned("TIFF"), 0),
    "heic turned": ("a.heic", lambda: HEIC_TURNED, 12),
    "heic 10 bit": ("a.heif", lambda: HEIC_DEEP, 12),
    "tiff lab": ("a.tiff", lab, 25),
    "tiff rgb 16 bit": ("a.tif", lambda: rgb_tiff(quarters()), 2),
    "raw with preview": ("a.dng", lambda: dng(preview=jpeg((1200, 900))), 12),
    "raw without preview": ("a.DNG", dng, 60),
    "raw with a stamp": ("a.nef", lambda: dng(preview=jpeg((160, 120))), 60),
    "name of another format": ("a.png", lambda: jpeg((200, 100)), 12),
}


@pytest.mark.parametrize("kind", SHOWN)
def test_what_is_shown(kind: str, tmp_path: Path) -> None:
    """Colours of developed raw files are those of the camera's own matrix, which is a crude one here."""
    name, made, off = SHOWN[kind]
    path = tmp_path / name
    path.write_bytes(made())
    for at_least in (None, 64):
        image = open_upright(path, at_least)
        assert image.width > image.height
        assert np.abs(corners(image) - COLOURS).max() <= off


@pytest.mark.parametrize("preview", [b"", jpeg((1200, 900)), jpeg((900, 1200))])
def test_a_raw_file_is_turned_once(preview: bytes, tmp_path: Path) -> None:
    """Some cameras turn the preview and leave the sensor's readings: then it is upright already."""
    path = tmp_path / "a.dng"
    path.write_bytes(dng(preview=preview, orientation=6))
    with quality.open_file(path) as file:
        decoded = quality.decode(file, 256)
    assert decoded.image.height > decoded.image.width
    assert (decoded.width, decoded.height) == (900, 1200)


def test_a_raw_file_tells_what_it_shows(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    (folder / "a.dng").write_bytes(dng(preview=jpeg((1200, 900)), description="A grey heron"))
    (folder / "b.dng").write_bytes(dng(description="A barn owl"))
    run()
    pictures = catalogue.pictures(catalogue.rows([]).tolist()).values()
    assert {picture.caption for picture in pictures} == {"A grey heron", "A barn owl"}
    assert {(picture.width, picture.height) for picture in pictures} == {(1200, 900)}


def test_a_raw_file_beside_its_picture_is_the_same_photograph(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    (folder / "a.dng").write_bytes(dng())
    (folder / "A.jpg").write_bytes(jpeg((1200, 900)))
    run()
    assert len(catalogue.rows([])) == 1
    assert not reasons(catalogue, folder)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: dng()[:9000], "damaged|not a raw file"),
        (lambda: dng(preview=jpeg((1200, 900)))[:3000], "damaged|not a raw file"),
        (lambda: jpeg((200, 100)), "not a raw file of a kind that can be read"),
        (lambda: b"II*\0" + bytes(500), "not a raw file of a kind that can be read"),
    ],
)
def test_broken_raw_files_are_turned_down(made: Callable[[], bytes], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.cr2"
    path.write_bytes(made())
    with pytest.raises(UnusablePicture, match=reason):
        open_upright(path, 256)


def test_a_profile_of_another_space_is_converted(tmp_path: Path) -> None:
    """One of wider red and green: the same numbers mean stronger colours, which sRGB shows as far as it can."""
    path = tmp_path / "a.jpg"
    numbers = paint(3)
    numbers.save(path, quality=95, icc_profile=wide())
    plain, seen = np.asarray(numbers, float), np.asarray(open_upright(path), float)
    spread = lambda values: float((values.max(2) - values.min(2)).mean())  # noqa: E731
    assert spread(seen) > spread(plain) + 3


def wide() -> bytes:
    """An sRGB profile whose red and green are those of Display P3 (SMPTE EG 432-1)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile = profile.replace(b"sRGB", b"wide")
    count = int.from_bytes(profile[128:132], "big")
    tags = {
        bytes(profile[at : at + 4]): int.from_bytes(profile[at + 4 : at + 8], "big")
        for at in range(132, 132 + 12 * count, 12)
    }
    for tag, values in {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }.items():
        for number, value in enumerate(values):
            at = tags[tag] + 8 + 4 * number
            profile[at : at + 4] = round(value * 65536).to_bytes(4, "big", signed=True)
    return bytes(profile)


def drawing(inner: str, size: str = 'viewBox="0 0 200 100"', before: str = "") -> bytes:
    start = f'{before}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {size}>'
    return f"{start}<title>A plan</title>{inner}</svg>".encode()


RED = '<rect width="100" height="50" fill="#f00"/><path d="M100 0h100v50h-100z" fill="#0f0"/>'
REST = '<rect x="100" y="50" width="100" height="50" fill="#00f"/><rect y="50" width="100" height="50" fill="#ff0"/>'


def test_drawings_are_taken_in_where_the_rules_name_them(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    (folder / "plan.svg").write_bytes(drawing(RED + REST))
    (folder / "a.jpg").write_bytes(jpeg((200, 100)))
    run()
    assert len(catalogue.rows([])) == 1
    catalogue.folders.put(Folder(str(folder), include="*\n*.svg"))
    run()
    pictures = catalogue.pictures(catalogue.rows([]).tolist()).values()
    assert {picture.caption for picture in pictures} == {"", "A plan"}
    assert np.abs(corners(open_upright(folder / "plan.svg")) - COLOURS).max() <= 1


@pytest.mark.parametrize(
    "inner",
    [
        '<image href="{other}" width="200" height="100"/>',
        '<image xlink:href="file://{other}" width="200" height="100"/>',
        '<filter id="f"><feImage href="{other}"/></filter><rect width="200" height="100" filter="url(#f)"/>',
        '<style>@import url("{other}"); rect {{ fill: url("{other}") }}</style>',
        '<use href="{other}#a"/>',
    ],
)
def test_a_drawing_reads_no_other_file(inner: str, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    Image.new("RGB", (200, 100), "blue").save(other)
    path = tmp_path / "a.svg"
    path.write_bytes(drawing(inner.format(other=other)))
    assert np.asarray(open_upright(path)).min() == 255, "nothing is drawn"


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: drawing("", 'viewBox="0 0 1 100000000"'), "without a size"),
        (lambda: drawing("", 'width="0" height="0" viewBox="0 0 0 0"'), "without a size"),
        (lambda: drawing("&a;", before='<!DOCTYPE svg [<!ENTITY a "b">]>'), "defines entities"),
        (lambda: drawing("<rect")[:60], "not a picture"),
        (lambda: jpeg((200, 100)), "not a picture"),
        (lambda: b'<html xmlns="http://www.w3.org/1999/xhtml"/>', "not a picture"),
    ],
)
def test_drawings_that_cannot_be_used(made: Callable[[], bytes], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_bytes(made())
    with quality.open_file(path) as file, pytest.raises(UnusablePicture, match=reason):
        quality.decode(file, 256)
