"""Pictures of every kind come out upright, RGB and whole; everything else is turned down with a reason."""

from __future__ import annotations

import contextlib
import io
import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from composer.library.decoding import quality
from composer.library.decoding.quality import UnusablePicture, open_upright
from tests.library.conftest import paint, quarters


def data(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def deep(mode: str) -> Image.Image:
    ramp = np.linspace(0, 65535, 128 * 96).reshape(96, 128)
    return Image.fromarray(ramp.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))


def animation(kind: str) -> bytes:
    return data(paint(1), kind, save_all=True, append_images=[paint(2), paint(3)])


def see_through() -> Image.Image:
    image = paint(4, mode="RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


USABLE: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: data(paint(1), "JPEG"),
    "jpeg grey": lambda: data(paint(1, mode="L"), "JPEG"),
    "jpeg cmyk": lambda: data(paint(1, mode="CMYK"), "JPEG"),
    "jpeg progressive": lambda: data(paint(1), "JPEG", progressive=True),
    "jpeg 444": lambda: data(paint(1), "JPEG", subsampling=0, quality=95),
    "jpeg trailing rubbish": lambda: data(paint(1), "JPEG") + b"rubbish" * 99,
    "jpeg broken exif": lambda: data(paint(1), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken"),
    "jpeg broken icc": lambda: data(paint(1), "JPEG", icc_profile=b"not a profile at all" * 20),
    "jpeg two pictures": lambda: data(paint(1), "MPO", save_all=True, append_images=[paint(2)]),
    "png": lambda: data(paint(1), "PNG"),
    "png grey": lambda: data(paint(1, mode="L"), "PNG"),
    "png grey alpha": lambda: data(paint(1, mode="LA"), "PNG"),
    "png alpha": lambda: data(see_through(), "PNG"),
    "png palette": lambda: data(paint(1).quantize(32), "PNG"),
    "png palette clear": lambda: data(paint(1).quantize(32), "PNG", transparency=3),
    "png palette clear bytes": lambda: data(paint(1).quantize(32), "PNG", transparency=bytes(range(32))),
    "png one bit": lambda: data(paint(1, mode="1"), "PNG"),
    "png 16 bit": lambda: data(deep("I;16"), "PNG"),
    "png animated": lambda: animation("PNG"),
    "png rgb clear colour": lambda: data(paint(1), "PNG", transparency=(1, 2, 3)),
    "gif": lambda: data(paint(1).quantize(64), "GIF"),
    "gif animated": lambda: animation("GIF"),
    "gif clear": lambda: data(paint(1).quantize(16), "GIF", transparency=0),
    "webp": lambda: data(paint(1), "WEBP"),
    "webp lossless alpha": lambda: data(see_through(), "WEBP", lossless=True),
    "webp animated": lambda: animation("WEBP"),
    "bmp": lambda: data(paint(1), "BMP"),
    "bmp palette": lambda: data(paint(1, mode="P"), "BMP"),
    "bmp one bit": lambda: data(paint(1, mode="1"), "BMP"),
    "tiff": lambda: data(paint(1), "TIFF"),
    "tiff lzw": lambda: data(paint(1), "TIFF", compression="tiff_lzw"),
    "tiff jpeg": lambda: data(paint(1), "TIFF", compression="jpeg"),
    "tiff cmyk": lambda: data(paint(1, mode="CMYK"), "TIFF"),
    "tiff ycbcr": lambda: data(paint(1).convert("YCbCr"), "TIFF"),
    "tiff 16 bit": lambda: data(deep("I;16"), "TIFF"),
    "tiff 32 bit": lambda: data(deep("I"), "TIFF"),
    "tiff float": lambda: data(deep("F"), "TIFF"),
    "tiff pages": lambda: animation("TIFF"),
    "avif": lambda: data(paint(1), "AVIF"),
    "avif alpha": lambda: data(see_through(), "AVIF"),
    "just large enough": lambda: data(paint(1, (64, 64)), "PNG"),
    "long and thin": lambda: data(paint(1, (4000, 64)), "JPEG"),
}


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of_size(width: int, height: int, bits: int = 8) -> bytes:
    """A bomb: a few bytes that say they are that large."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def cut(kind: str, share: float) -> bytes:
    whole = data(paint(5, (400, 300)), kind)
    return whole[: int(len(whole) * share)]


def resized_jpeg(width: int, height: int, **options: object) -> bytes:
    """A small JPEG whose header says another size."""
    whole = bytearray(data(paint(1), "JPEG", **options))
    marker = b"\xff\xc2" if options.get("progressive") else b"\xff\xc0"
    at = whole.index(marker) + 5
    whole[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(whole)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one byte": lambda: b"\xff",
    "text": lambda: b"This is not a picture.\n" * 50,
    "html": lambda: b"<html><img src=x></html>",
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900"/>',
    "zeros": lambda: bytes(5000),
    "noise": lambda: random.Random(1).randbytes(5000),
    "pdf": lambda: b"%PDF-1.7\n%%EOF\n",
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 900 900\n%%EndComments\nshowpage\n",
    "zip": lambda: b"PK\x03\x04" + bytes(300),
    "icon": lambda: data(paint(1, (64, 64)), "ICO"),
    "ppm": lambda: b"P6 100 100 255\n" + bytes(30_000),
    "jpeg header only": lambda: data(paint(1), "JPEG")[:20],
    "jpeg first half": lambda: cut("JPEG", 0.5),
    "jpeg nearly whole": lambda: cut("JPEG", 0.9),
    "png first half": lambda: cut("PNG", 0.5),
    "png no end": lambda: cut("PNG", 0.97),
    "gif first half": lambda: data(paint(5, (400, 300)).quantize(64), "GIF")[:3000],
    "webp first half": lambda: cut("WEBP", 0.5),
    "bmp first half": lambda: cut("BMP", 0.5),
    "tiff first half": lambda: cut("TIFF", 0.5),
    "avif first half": lambda: cut("AVIF", 0.5),
    "png bomb": lambda: png_of_size(60_000, 60_000),
    "png bomb 16 bit": lambda: png_of_size(20_000, 20_000, 16),
    "png largest": lambda: png_of_size(2**31 - 1, 2**31 - 1),
    "png without width": lambda: png_of_size(0, 100),
    "jpeg without height": lambda: resized_jpeg(100, 0),
    "jpeg bomb": lambda: resized_jpeg(65_500, 65_500),
    "jpeg progressive bomb": lambda: resized_jpeg(16_000, 16_000, progressive=True),
    "webp bomb": lambda: data(Image.new("RGB", (7000, 7000)), "WEBP", method=0, quality=1),
    "one pixel": lambda: data(paint(1, (1, 1)), "PNG"),
    "icon size": lambda: data(paint(1, (63, 300)), "JPEG"),
    "flat line": lambda: data(paint(1, (5000, 1)), "PNG"),
    "text bomb": lambda: b"\x89PNG\r\n\x1a\n" + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(9_000_000))),
    "heic broken": lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400),
    "tiff loop": lambda: b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "picture.jpg"


@pytest.mark.parametrize("kind", USABLE)
def test_every_kind_becomes_plain_rgb(kind: str, file: Path) -> None:
    file.write_bytes(USABLE[kind]())
    whole, reduced = open_upright(file), open_upright(file, 64)
    assert whole.mode == reduced.mode == "RGB"
    assert min(reduced.size) >= 64
    assert not whole.info
    assert np.asarray(whole).std() > 3, "the picture is there"


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_cannot_be_used_is_turned_down_with_a_reason(
    kind: str, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(HOSTILE[kind]())
    with pytest.raises(UnusablePicture) as error:
        open_upright(file, 512)
    assert 0 < len(error.value.reason) < 80
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("empty", "empty file"),
        ("text", "not a picture that can be read"),
        ("one pixel", "too small (1 x 1; the limit is 64 pixels a side)"),
        ("png bomb", "too large (3600 megapixels; the limit is 100)"),
        ("jpeg bomb", "too large (4291 megapixels; the limit is 400)"),
        ("webp bomb", "too large (49 megapixels; the limit is 33)"),
        ("jpeg progressive bomb", "too large (256 megapixels; the limit is 100)"),
        ("jpeg first half", "damaged (the end is missing)"),
    ],
)
def test_reasons_are_sentences_for_the_writer(kind: str, reason: str, file: Path) -> None:
    file.write_bytes(HOSTILE[kind]())
    with pytest.raises(UnusablePicture, match="^" + reason.replace("(", r"\(").replace(")", r"\)") + "$"):
        open_upright(file)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_honoured(orientation: int, file: Path) -> None:
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = quarters().transpose(turn[orientation]) if orientation > 1 else quarters()
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(file, "JPEG", exif=exif, quality=95, subsampling=0)
    image = open_upright(file)
    assert image.size == (200, 100)
    corners = [image.getpixel(at) for at in ((10, 10), (190, 10), (190, 90), (10, 90))]
    assert np.abs(np.array(corners) - [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]).max() < 12


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_is_ignored(orientation: int, file: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    quarters().save(file, "JPEG", exif=exif)
    assert open_upright(file).size == (200, 100)


def test_alpha_lies_on_white(file: Path) -> None:
    Image.new("RGBA", (100, 100), (0, 0, 0, 0)).save(file, "PNG")
    assert open_upright(file).getpixel((50, 50)) == (255, 255, 255)


def test_the_first_frame_counts(file: Path) -> None:
    file.write_bytes(animation("GIF"))
    assert np.abs(np.asarray(open_upright(file), int) - np.asarray(paint(1), int)).mean() < 12


def test_sixteen_bits_keep_their_range(file: Path) -> None:
    deep("I;16").save(file, "PNG")
    values = np.asarray(open_upright(file))
    assert values.min() <= 1
    assert values.max() >= 254
    assert abs(float(values.mean()) - 127) < 3


def test_a_profile_is_applied(file: Path) -> None:
    """A Lab profile is not for RGB and is left; an sRGB one changes nothing."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (srgb, lab):
        paint(3).save(file, "PNG", icc_profile=profile)
        assert np.abs(np.asarray(open_upright(file), int) - np.asarray(paint(3), int)).max() <= 2


def test_heic_has_a_reader() -> None:
    assert {".heic", ".heif"} <= {suffix for suffix, kind in Image.registered_extensions().items() if kind == "HEIF"}


def test_a_large_jpeg_is_decoded_small(file: Path) -> None:
    Image.new("RGB", (16_000, 16_000), (200, 30, 30)).save(file, "JPEG", quality=20)
    image = open_upright(file, 512)
    assert 512 <= min(image.size) <= 2000
    with file.open("rb") as opened:
        assert quality.decode(opened, 512)[1:3] == (16_000, 16_000)


def test_pipes_and_folders_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, reason in {
        "pipe.jpg": "not a file",
        ".": "cannot be read|not a file",
        "none.jpg": "the file is gone",
    }.items():
        with pytest.raises(UnusablePicture, match=reason):
            open_upright(tmp_path / name)


@pytest.mark.parametrize("path", ["a\0b.jpg", "/dev/zero", "/dev/null"])
def test_devices_and_impossible_names_are_turned_down(path: str) -> None:
    with pytest.raises(UnusablePicture):
        open_upright(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_damaged_bytes_never_crash(kind: str, file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Forty mutations each of the first bytes and of all of them: a picture or a reason, nothing else."""
    dice = random.Random(kind)
    whole = data(paint(7, (96, 80)), kind, **({"exif": Image.Exif()} if kind == "JPEG" else {}))
    for turn in range(40):
        mutated = bytearray(whole)
        reach = len(mutated) if turn % 2 else min(len(mutated), 200)
        for _ in range(dice.randint(1, 8)):
            mutated[dice.randrange(reach)] = dice.choice([0, 1, 127, 128, 255, dice.randrange(256)])
        file.write_bytes(mutated)
        with contextlib.suppress(UnusablePicture):
            assert open_upright(file, 64).mode == "RGB"
    assert capfd.readouterr() == ("", "")
