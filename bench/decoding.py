"""What opening the dearest pictures costs in memory: `python bench/decoding.py [--quick] [--json]`.

Each picture is the largest of its kind that the library lets in, or one that it must turn down, made on the spot. Each
is opened by a fresh process, as a scan does it, and the most memory that process ever held is read from the system
(VmHWM of /proc/PID/status: Linux only). `bound` is the largest of them; large pictures take turns, so while a library
is indexed no more than one process holds that much.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from composer.library.decoding import thumbnails
from composer.library.decoding.decoders import Ask, Decoders
from composer.library.decoding.quality import UnusablePicture
from tests.library.makers import dng, rgb_tiff


class Cost(NamedTuple):
    kind: str
    peak: int
    """MB."""
    seconds: float
    outcome: str


def square(side: int, mode: str = "RGB") -> Image.Image:
    """Detail of every size, so that nothing is small when it is packed."""
    tile = np.random.default_rng(1).integers(0, 256, (250, 250, 3), np.uint8)
    noise = Image.fromarray(tile).resize((500, 500), Image.Resampling.BICUBIC)
    whole = Image.new("RGB", (side, side))
    for left in range(0, side, 500):
        for top in range(0, side, 500):
            whole.paste(noise, (left, top))
    return whole.convert(mode)


def saved(side: int, kind: str, mode: str = "RGB", **options: object) -> Callable[[Path], object]:
    return lambda path: square(side, mode).save(path, kind, **options)  # type: ignore[arg-type]


def kinds(*, quick: bool) -> dict[str, Callable[[Path], object]]:
    """The largest sides that the limits of quality.py let in: 100 megapixels, a third of it for WebP, half for AVIF."""
    made: dict[str, Callable[[Path], object]] = {
        "jpeg 16000": saved(16_000, "JPEG", quality=30),
        "jpeg progressive 10000": saved(10_000, "JPEG", quality=30, progressive=True),
        "png 10000": saved(10_000, "PNG", compress_level=1),
        "png 16000": saved(16_000, "PNG", "1"),
        "tiff 10000": saved(10_000, "TIFF"),
        "webp 5700": saved(5_700, "WEBP", method=0, quality=20),
    }
    if quick:
        return made
    return {
        **made,
        "jpeg cmyk 16000": saved(16_000, "JPEG", "CMYK", quality=30),
        "png alpha 10000": saved(10_000, "PNG", "RGBA", compress_level=1),
        "png palette 10000": saved(10_000, "PNG", "P", compress_level=1),
        "gif 10000": saved(10_000, "GIF", "P"),
        "bmp 10000": saved(10_000, "BMP"),
        "tiff packed 10000": saved(10_000, "TIFF", compression="tiff_lzw"),
        "tiff cmyk 10000": saved(10_000, "TIFF", "CMYK"),
        "tiff 16 bit 7000": lambda path: path.write_bytes(rgb_tiff(square(7_000))),
        "tiff float 10000": saved(10_000, "TIFF", "F"),
        "webp alpha 5700": saved(5_700, "WEBP", "RGBA", method=0, quality=20),
        "avif 7000": saved(7_000, "AVIF", speed=10, quality=30),
        "raw 10000": lambda path: path.write_bytes(dng((10_000, 10_000))),
    }


def cost(kind: str, make: Callable[[Path], object], folder: Path) -> Cost:
    path = folder / f"picture.{'dng' if kind.startswith('raw') else 'jpg'}"
    make(path)
    decoders, peak = Decoders(), [0]

    def look(_: str) -> bool:
        return False

    began = time.perf_counter()
    try:
        _, answer = decoders.run(Ask(str(path), thumbnails.SIDE), look)
        outcome = f"{answer.width} x {answer.height}"
    except UnusablePicture as error:
        outcome = error.reason
    seconds = time.perf_counter() - began
    for pid in decoders.pids:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        peak = [int(found) >> 10 for found in re.findall(r"VmHWM:\s+(\d+)", status)]
    decoders.close()
    path.unlink()
    return Cost(kind, max(peak), round(seconds, 2), outcome)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("files", nargs="*", type=Path, help="pictures of your own to open as well")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = {**kinds(quick=given.quick), **{path.name: _copy(path) for path in given.files}}
        costs = [cost(kind, make, Path(folder)) for kind, make in made.items()]
    if given.json:
        print(json.dumps({"bound_mb": max(each.peak for each in costs), "costs": [each._asdict() for each in costs]}))
        return
    for each in costs:
        print(f"{each.kind:24} {each.peak:5} MB {each.seconds:6.2f} s  {each.outcome}")
    print(f"{'bound':24} {max(each.peak for each in costs):5} MB")


def _copy(path: Path) -> Callable[[Path], object]:
    return lambda place: place.write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
