"""Pictures come to the model as open_clip's own preprocessing would bring them, reduced ones too."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from composer.library.decoding.quality import open_upright
from composer.ports import WHOLE
from models.encoders.lanes import Lanes
from models.encoders.openclip import OpenClipEncoder
from models.encoders.pixels import Pixels
from tests.library.conftest import paint
from tests.models import checkpoints

SIDE = 64
SIZES = ((200, 150), (150, 200), (64, 64), (899, 500), (40, 30), (900, 70), (70, 900), (131, 67))


def detailed(width: int, height: int, seed: int = 3) -> Image.Image:
    """Patches of all sizes: what a wrong filter or a shift would show in."""
    chance = np.random.default_rng(seed)
    made = np.zeros((height, width, 3), np.float32)
    for step in (2, 5, 16, 48):
        small = chance.integers(0, 256, (-(-height // step), -(-width // step), 3)).astype(np.uint8)
        made += np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC), np.float32) / 4
    return Image.fromarray(made.astype(np.uint8))


def prepared(**changes: object) -> tuple[Any, Pixels]:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    config: dict[str, Any] = {"size": SIDE, "interpolation": "bicubic", "resize_mode": "shortest", **changes}
    config |= {"mean": (0.48, 0.46, 0.41), "std": (0.27, 0.26, 0.28)}
    reference: Any = image_transform_v2(PreprocessCfg(**config), is_train=False)
    return reference, Pixels(reference, config)


@pytest.mark.parametrize("mode", ["shortest", "squash"])
@pytest.mark.parametrize("filter_", ["bicubic", "bilinear"])
def test_as_the_reference_gives_them(mode: str, filter_: str) -> None:
    import torch

    reference, pixels = prepared(resize_mode=mode, interpolation=filter_)
    assert pixels.own
    images = [detailed(*size) for size in SIZES]
    made = pixels.batch(images, torch.float32)
    assert made.shape == (len(SIZES), 3, SIDE, SIDE)
    for size, here, image in zip(SIZES, made, images, strict=True):
        assert float((here - reference(image)).abs().max()) < 0.05, size  # three levels of 255


@pytest.mark.parametrize("changes", [{"resize_mode": "longest"}, {"size": (64, 48)}, {"interpolation": "random"}])
def test_what_is_not_known_is_left_to_the_reference(changes: dict[str, object]) -> None:
    import torch

    reference, pixels = prepared(**changes)
    assert not pixels.own
    image = detailed(200, 150)
    if changes != {"interpolation": "random"}:
        assert torch.equal(pixels.batch([image], torch.float32)[0], reference(image))


def test_a_reference_that_does_something_else_is_found_out() -> None:
    reference, _ = prepared()
    config = {
        "size": SIDE,
        "interpolation": "bicubic",
        "resize_mode": "shortest",
        "mean": (0.1,) * 3,
        "std": (0.3,) * 3,
    }
    assert not Pixels(reference, config).own


@pytest.mark.parametrize("size", [(1063, 797), (797, 1063), (640, 480)])
def test_a_reduced_picture_gives_the_vector_of_the_whole(tmp_path: Path, size: tuple[int, int]) -> None:
    folder = checkpoints.clip(tmp_path / "clip")
    encoder = OpenClipEncoder(str(folder), precision="fp32", device="cpu")
    path = tmp_path / "picture.jpg"
    paint(3, size).save(path, quality=92)
    whole, reduced = open_upright(path), open_upright(path, encoder.image_size)
    assert reduced.width < whole.width / 2
    reduced.info[WHOLE] = whole.size
    here, there = encoder.encode_images([reduced]), encoder.encode_images([whole])
    assert float(here[0] @ there[0]) >= 0.998
    encoder.close()


def test_half_a_pixel_matters() -> None:
    """899 pixels halved are 450, of which the last stands for a half: told so, the picture lies where it lay."""
    reference, pixels = prepared()
    file = io.BytesIO()
    detailed(899, 243).save(file, "JPEG", quality=95)
    with Image.open(file) as opened:
        wanted = reference(opened.convert("RGB"))
    with Image.open(file) as opened:
        opened.draft("RGB", (449, 121))
        reduced = opened.convert("RGB")
    assert reduced.size == (450, 122)
    apart = float((pixels._one(reduced) - wanted).abs().mean())
    reduced.info[WHOLE] = (899, 243)
    assert float((pixels._one(reduced) - wanted).abs().mean()) < 0.7 * apart


def test_lanes_keep_the_order_and_torchs_threads() -> None:
    import torch

    threads = torch.get_num_threads()
    lanes = Lanes()
    assert torch.get_num_threads() == threads
    parts = lanes.map(list, range(21))
    assert [number for part in parts for number in part] == list(range(21))
    assert set(lanes.map(lambda _: torch.get_num_threads(), range(64))) == {max(1, threads // lanes.count)}
    lanes.close()
