"""Pictures made on the spot, and a catalogue in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from composer.library.catalogue import Catalogue
from composer.library.filling.scan import ScanProgress, scan
from composer.ports import Cancel, Vectors

Paint = Callable[..., Image.Image]
Scan = Callable[..., list[ScanProgress]]


def paint(seed: int = 0, size: tuple[int, int] = (160, 120), mode: str = "RGB") -> Image.Image:
    """A smooth picture of its own for every seed: soft shapes, so that perceptual hashes are stable."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC).convert(mode)


def quarters(size: tuple[int, int] = (200, 100)) -> Image.Image:
    """Red, green, blue and yellow, clockwise from the top left: shows which way is up."""
    image = Image.new("RGB", size, "red")
    width, height = size[0] // 2, size[1] // 2
    draw = ImageDraw.Draw(image)
    draw.rectangle((width, 0, *size), fill=(0, 255, 0))
    draw.rectangle((width, height, *size), fill=(0, 0, 255))
    draw.rectangle((0, height, width - 1, size[1]), fill=(255, 255, 0))
    return image


class MeanColours:
    """An encoder that sees only the mean colour of each quarter."""

    id = "mean-colours"
    dimensions = 12
    image_size = 64

    def __init__(self) -> None:
        self.seen = 0

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        self.seen += len(images)
        rows = [np.asarray(image.resize((2, 2), Image.Resampling.BOX), np.float32).ravel() + 1.0 for image in images]
        vectors = np.stack(rows)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def close(self) -> None:
        pass


@pytest.fixture
def encoder() -> MeanColours:
    return MeanColours()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "pictures"
    path.mkdir()
    return path


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue(tmp_path / "own" / "catalogue.db", tmp_path / "own" / "previews") as opened:
        yield opened


@pytest.fixture
def run(catalogue: Catalogue, folder: Path) -> Scan:
    """Scan the folder to the end; gives every report."""
    return lambda where=None: list(scan(catalogue, where or folder, Cancel()))


def reasons(catalogue: Catalogue, folder: Path) -> dict[str, str]:
    return {Path(each.path).name: each.reason for each in catalogue.skipped(str(folder))}
