"""A folder of more than a thousand hostile files: the scan ends, what is good is in, all else has a reason."""

from __future__ import annotations

import io
import os
import random
import socket
import stat
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from composer.library.catalogue import Catalogue
from composer.library.decoding.decoders import POOL, Ask, Decoders
from composer.library.decoding.quality import UnusablePicture, open_upright
from composer.library.filling.scan import ScanProgress, scan
from composer.ports import Cancel
from tests.library.conftest import Scan, paint, reasons
from tests.library.makers import HEIC_DEEP, HEIC_TURNED, chunk, dng, png_of_size, rgb_tiff

SIDE = (96, 80)
NAMES = (
    "ねこ のいる庭",
    "苍鹭 在 水边",
    "кошка на окне",
    "قطة في الحديقة",
    "חתול בגינה",
    "แมวในสวน",
    "बगीचे में बिल्ली",
    "고양이",
    "Γάτα",
    "ᚠᚢᚦᚨᚱᚲ",
    "👩🏽‍🌾🐈‍⬛",
    "é combining e\u0301",
    "zero\u200bwidth",
    "right\u202eto left",
    "new\nline and\ttab",
    "quote ' \" ` $(touch x) ; rm",
    "%s %d {0} <b>",
    "-rf",
    " leading and trailing ",
    "two..dots.",
    "CON",
    "a" * 251,
    "猫" * 83,
)


def data(kind: str, seed: int = 7, size: tuple[int, int] = SIDE, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    paint(seed, size, mode).save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def seeds() -> dict[str, bytes]:
    """One good file of each kind; the rest is made of these."""
    exif = Image.Exif()
    exif[0x010E] = "A heron"
    frames = [paint(1, SIDE), paint(2, SIDE)]
    return {
        "jpg": data("JPEG", exif=exif, icc_profile=b"a profile" * 30),
        "jpeg": data("JPEG", progressive=True),
        "jpe": data("JPEG", mode="CMYK"),
        "png": data("PNG"),
        "gif": data("GIF", save_all=True, append_images=frames),
        "bmp": data("BMP"),
        "webp": data("WEBP", save_all=True, append_images=frames),
        "avif": data("AVIF", speed=10),
        "tif": data("TIFF", compression="tiff_lzw"),
        "tiff": rgb_tiff(paint(7, SIDE)),
        "heic": HEIC_TURNED,
        "heif": HEIC_DEEP,
        "dng": dng(SIDE),
        "nef": dng(SIDE, preview=data("JPEG")),
    }


def mutated(whole: bytes, dice: random.Random, reach: int) -> bytes:
    changed = bytearray(whole)
    for _ in range(dice.randint(1, 8)):
        changed[dice.randrange(min(reach, len(changed)))] = dice.choice([0, 1, 127, 128, 255, dice.randrange(256)])
    return bytes(changed)


def spliced(whole: bytes, other: bytes, dice: random.Random) -> bytes:
    """The beginning of one with the end of another."""
    return whole[: dice.randrange(len(whole))] + other[dice.randrange(len(other)) :]


def fill_by_the_hundred(folder: Path, dice: random.Random) -> None:
    """Mutations, cuts, splices and zeros of every kind of file."""
    kinds = seeds()
    for ending, whole in kinds.items():
        place = folder / ending
        place.mkdir()
        for turn in range(30):
            (place / f"head{turn}.{ending}").write_bytes(mutated(whole, dice, 120))
        for turn in range(20):
            (place / f"body{turn}.{ending}").write_bytes(mutated(whole, dice, len(whole)))
        for turn in range(14):
            (place / f"cut{turn}.{ending}").write_bytes(whole[: int(len(whole) * turn / 20)])
        for turn in range(6):
            other = dice.choice(list(kinds.values()))
            (place / f"splice{turn}.{ending}").write_bytes(spliced(whole, other, dice))
        half = len(whole) // 2
        (place / f"zeros.{ending}").write_bytes(whole[:half] + bytes(half))
        (place / f"noise.{ending}").write_bytes(dice.randbytes(3000))


def jpeg_of_size(width: int, height: int, **options: object) -> bytes:
    whole = bytearray(data("JPEG", **options))
    at = whole.index(b"\xff\xc2" if options else b"\xff\xc0") + 5
    whole[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(whole)


def box_of_size(whole: bytes, width: int, height: int) -> bytes:
    """HEIF and AVIF say their size in the box "ispe" (ISO 23008-12, 6.5.3)."""
    at = whole.index(b"ispe") + 8
    return whole[:at] + struct.pack(">II", width, height) + whole[at + 8 :]


def words(xmp: bytes) -> bytes:
    """A PNG with compressed XMP."""
    whole = data("PNG")
    return whole[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)) + whole[33:]


def laughs() -> bytes:
    """XML that says little and means gigabytes."""
    entities = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)]
    return f'<!DOCTYPE x [<!ENTITY e0 "ha">{"".join(entities)}]><x>&e11;</x>'.encode()


BOMBS: dict[str, Callable[[], bytes]] = {
    "sixty.png": lambda: png_of_size(60_000, 60_000),
    "deep.png": lambda: png_of_size(16_000, 16_000, 16),
    "most.png": lambda: png_of_size(2**31 - 1, 2**31 - 1),
    "flat.png": lambda: png_of_size(0, 0),
    "text.png": lambda: b"\x89PNG\r\n\x1a\n" + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000))),
    "most.jpg": lambda: jpeg_of_size(65_500, 65_500),
    "slow.jpg": lambda: jpeg_of_size(16_000, 16_000, progressive=True),
    "none.jpg": lambda: jpeg_of_size(100, 0),
    "most.gif": lambda: b"GIF89a" + struct.pack("<HH", 65535, 65535) + data("GIF")[10:],
    "most.bmp": lambda: data("BMP")[:18] + struct.pack("<ii", 2**30, 2**30) + data("BMP")[26:],
    "less.bmp": lambda: data("BMP")[:18] + struct.pack("<ii", -96, -80) + data("BMP")[26:],
    "most.heic": lambda: box_of_size(HEIC_TURNED, 60_000, 60_000),
    "most.avif": lambda: box_of_size(data("AVIF"), 60_000, 60_000),
    "wide.webp": lambda: data("WEBP")[:12] + b"VP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff" + data("WEBP")[12:],
    "loop.tif": lambda: b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    "tags.tif": lambda: b"II*\0\x08\0\0\0\xff\xff" + bytes(12 * 65535),
    "most.tif": lambda: rgb_tiff(paint(7, SIDE)).replace(struct.pack("<I", 96), struct.pack("<I", 90_000)),
    "vast.dng": lambda: dng(SIDE).replace(struct.pack("<I", 96), struct.pack("<I", 60_000)),
    "text.jpg": lambda: b"Not a picture. " * 900,
    "page.jpg": lambda: b"<html><body><img src='file:///etc/passwd'></body></html>",
    "draw.png": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>' * 9,
    "prog.jpg": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file\n",
    "exec.png": lambda: b"\x7fELF" + bytes(4000),
    "pack.jpg": lambda: b"PK\x03\x04" + bytes(300),
    "none.png": lambda: b"",
    "byte.gif": lambda: b"G",
    "dot.png": lambda: data("PNG", size=(1, 1)),
    "line.jpg": lambda: data("JPEG", size=(9000, 1)),
    "icon.gif": lambda: data("GIF", size=(16, 16)),
}
"""None of these can be used."""
GOOD: dict[str, Callable[[], bytes]] = {
    "large.jpg": lambda: data("JPEG", size=(9000, 9000), quality=10),
    "cmyk.jpg": lambda: data("JPEG", mode="CMYK"),
    "laughs.png": lambda: words(laughs()),
    "long.jpg": lambda: data(
        "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x0e\x01\x02\0\xff\xff\xff\x7f" * 2000
    ),
    "many.gif": lambda: data("GIF", save_all=True, append_images=[paint(seed, SIDE) for seed in range(60)]),
    "trail.jpg": lambda: data("JPEG") + bytes(300_000),
    "bright.tif": lambda: rgb_tiff(paint(9, SIDE)),
    "png.jpg": lambda: data("PNG"),
    "webp.gif": lambda: data("WEBP"),
    "jpeg.heic": lambda: data("JPEG"),
}
"""These look odd and can be used."""


def fill_with_what_is_no_file(folder: Path) -> set[str]:
    """Returns the names that must be given a reason."""
    os.mkfifo(folder / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as line:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path may be about 100 bytes long
        try:
            line.bind("socket.png")
        finally:
            os.chdir(here)
    (folder / "self.jpg").symlink_to("self.jpg")
    (folder / "nowhere.png").symlink_to("/nowhere/at/all.png")
    (folder / "up.jpg").symlink_to("..")
    (folder / "again").symlink_to(".")
    (folder / "zero.jpg").symlink_to("/dev/zero")
    names = {"pipe.jpg", "socket.png", "self.jpg", "nowhere.png", "zero.jpg"}
    try:
        os.mknod(folder / "device.jpg", stat.S_IFCHR | 0o600, os.makedev(1, 5))
        names.add("device.jpg")
    except PermissionError:  # not root: no devices
        pass
    return names


def fill_with_names(folder: Path) -> int:
    """Good pictures with difficult names; returns how many different ones."""
    for number, name in enumerate(NAMES):
        (folder / f"{name}.jpg").write_bytes(data("JPEG", 100 + number))
    below = folder / "picture.jpg" / "x.png"
    below.mkdir(parents=True)
    (below / "in.jpg").write_bytes(data("JPEG", 200))
    deep = folder
    for _ in range(25):
        deep /= "d" * 120
    deep.mkdir(parents=True)
    (deep / "deep.jpg").write_bytes(data("JPEG", 201))
    return len(NAMES) + 2


def beyond_all_paths(folder: Path) -> None:
    """Folders nested until no path can name the last ones."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("p" * 200, dir_fd=handle)
        inner = os.open("p" * 200, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)


def test_a_thousand_hostile_files(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    fill_by_the_hundred(folder, random.Random(2026))
    bombs, good, odd = folder / "bombs", folder / "good", folder / "odd"
    for place in (bombs, good, odd, folder / "names"):
        place.mkdir()
    for where, made in ((bombs, BOMBS), (good, GOOD)):
        for name, make in made.items():
            (where / name).write_bytes(make())
    no_files = fill_with_what_is_no_file(odd)
    named = fill_with_names(folder / "names")
    (folder / "names" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(data("JPEG", 300))
    (folder / os.fsdecode(b"\xff\xfe")).mkdir()
    beyond_all_paths(odd)
    files = sum(len(names) for _, _, names in os.walk(folder))
    assert files > 1_000

    *_, last = run()

    turned_down = {each.path: each.reason for each in catalogue.skipped(str(folder))}
    assert last.done == last.total
    assert last.added + len(turned_down) == last.total, "every file is in or has a reason"
    assert all(0 < len(reason) < 90 for reason in turned_down.values())
    said = reasons(catalogue, folder)
    assert set(BOMBS) <= set(said)
    assert no_files <= set(said)
    assert not set(GOOD) & {Path(path).name for path in turned_down if "/good/" in path}
    found = len(catalogue.rows([str(folder / "names")]))
    assert found == named
    assert "caf\\xe9.jpg" in said
    assert said["most.jpg"].startswith("too large")
    assert said["zero.jpg"] == said["pipe.jpg"] == said["socket.png"] == "not a file"
    assert catalogue.database.all("PRAGMA integrity_check") == [("ok",)]
    *_, again = run()
    assert (again.added, again.removed) == (0, 0), "the second scan finds nothing to do"


def test_files_that_change_vanish_and_grow_while_they_are_read(catalogue: Catalogue, folder: Path) -> None:
    paths = [folder / f"{number:03}.jpg" for number in range(60)]
    whole = [data("JPEG", number, (640, 480)) for number in range(60)]
    for path, content in zip(paths, whole, strict=True):
        path.write_bytes(content)
    dice, enough = random.Random(5), threading.Event()

    def disturb() -> None:
        while not enough.is_set():
            path = dice.choice(paths)
            match dice.randrange(4):
                case 0:
                    path.unlink(missing_ok=True)
                case 1:
                    path.write_bytes(dice.choice(whole)[: dice.randrange(9000)])
                case 2:
                    with path.open("ab") as file:
                        file.write(dice.randbytes(5000))
                case _:
                    path.write_bytes(dice.choice(whole))

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(2):
            last: ScanProgress | None = None
            for last in scan(catalogue, folder, Cancel()):
                assert last.total <= 200
    finally:
        enough.set()
        thread.join()
    for path, content in zip(paths, whole, strict=True):
        path.write_bytes(content)
    list(scan(catalogue, folder, Cancel()))
    assert len(catalogue.rows([str(folder)])) == 60
    assert not catalogue.skipped(str(folder))


def test_a_crash_costs_one_file(tmp_path: Path) -> None:
    """The reader is killed in the midst, once for each try."""
    path = tmp_path / "a.jpg"
    path.write_bytes(data("JPEG"))
    decoders = Decoders()
    began = 0

    def kill(_: str) -> bool:
        nonlocal began
        began += 1
        os.kill(int(next(iter(children() - before))), 9)
        return False

    def children() -> set[str]:
        return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())

    before = children()
    with pytest.raises(UnusablePicture, match="its reader crashed"):
        decoders.run(Ask(str(path), 64), kill)
    assert began == 2
    assert decoders.run(Ask(str(path), 64))[1].width == SIDE[0]
    decoders.close()
    assert children() == before


def test_a_file_that_crashes_its_reader_is_one_file(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    """pi_heif 1.4.0 ends with a segmentation fault over a name of metadata that is not valid text."""
    (folder / "a.heic").write_bytes(HEIC_TURNED.replace(b"Exif", b"Exi\xff", 1))
    (folder / "b.heic").write_bytes(HEIC_TURNED)
    *_, last = run()
    assert last.total == 2
    assert "b.heic" in {Path(path).name for row in catalogue.rows([]).tolist() for path in catalogue.paths(row)}
    assert set(reasons(catalogue, folder)) <= {"a.heic"}


def test_what_takes_too_long_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data("JPEG", size=(2500, 2500)))
    decoders = Decoders()
    with pytest.raises(UnusablePicture, match="takes too long to read"):
        decoders.run(Ask(str(path), 2500, seconds=0.01))
    assert decoders.pids == []


def test_a_reader_that_died_at_rest_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(data("WEBP"))
    assert open_upright(path).size == SIDE
    for pid in POOL.pids:
        os.kill(pid, 9)
    assert open_upright(path).size == SIDE


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how much memory a process held")
@pytest.mark.parametrize(("kind", "side"), [("PNG", 10_000), ("JPEG", 12_000)])
def test_one_large_picture_takes_a_bounded_amount_of_memory(kind: str, side: int, tmp_path: Path) -> None:
    """bench/decoding.py has the figures; here all that counts is that no copy of the whole in floats is made."""
    path = tmp_path / "a.jpg"
    Image.new("L", (side, side), 200).save(path, kind)
    decoders = Decoders()
    assert decoders.run(Ask(str(path), 512))[1].width == side
    (pid,) = decoders.pids
    status = Path(f"/proc/{pid}/status").read_text()
    decoders.close()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert peak < 400 << 10
