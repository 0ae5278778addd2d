from __future__ import annotations

import socket
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image

from composer.errors import ModelNotReady
from composer.ports import ContentScreen
from models.readers import content, faces
from models.readers.content import StarterScreens

pytest.importorskip("cv2", reason="the extra `screens` is not installed")
DEMO = Path(__file__).parents[3] / "demo" / "pictures"


@pytest.fixture(scope="module")
def screen() -> StarterScreens:
    try:
        return StarterScreens(content.weights(), threads=1)
    except ModelNotReady as error:
        pytest.skip(f"{error.message} {error.hint}")


def portrait() -> Image.Image:
    """A photograph of one person, facing the camera."""
    found = [path for path in DEMO.rglob("*") if path.stem == "astronaut"]
    if not found:
        pytest.skip("the demo's pictures are not here: run `make setup`")
    return Image.open(found[0]).convert("RGB")


def test_every_picture_gets_an_answer_without_the_network(
    screen: StarterScreens, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("it went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8))
    port: ContentScreen = screen
    some = [noise, Image.new("RGB", (512, 341), "white"), Image.new("RGB", (1, 1)), Image.new("RGB", (3000, 40))]
    told = port.look(some)
    assert [each.faces for each in told] == [0, 0, 0, 0]
    assert all(each.unsafe is not None and 0 <= each.unsafe < 0.5 for each in told)
    assert port.look([]) == []
    assert port.look(some[::-1]) == told[::-1], "neighbours change nothing"
    assert screen.id
    assert screen.version > 0


def test_faces_are_counted_where_they_are(screen: StarterScreens) -> None:
    one = portrait()
    one.thumbnail((256, 256))
    two = Image.new("RGB", (512, 256), "white")
    two.paste(one, (0, 0))
    two.paste(one, (256, 0))
    alone, both, upside = screen.look([one, two, one.rotate(180)])
    assert (alone.faces, both.faces) == (1, 2)
    assert upside.faces == 0, "a weakness that is told"
    assert alone.unsafe is not None
    assert alone.unsafe < 0.2
    found = screen._loaded().find(two.resize((1024, 512)))
    left, right = sorted(found[:, 0])
    assert right - left == pytest.approx(512, abs=20), "in the picture's own pixels"


def test_a_screen_that_was_closed_looks_again(screen: StarterScreens) -> None:
    before = screen.look([Image.new("RGB", (64, 64), "navy")])
    screen.close()
    assert screen.look([Image.new("RGB", (64, 64), "navy")]) == before


def test_missing_weights_and_packages_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelNotReady, match=r"centerface\.onnx") as caught:
        StarterScreens(tmp_path).look([Image.new("RGB", (8, 8))])
    assert "models pull starter-screens" in caught.value.hint
    monkeypatch.setattr(content.util, "find_spec", lambda _: None)
    with pytest.raises(ModelNotReady, match="not installed"):
        StarterScreens(tmp_path).look([Image.new("RGB", (8, 8))])


def test_maps_become_faces_each_once() -> None:
    likelihood = np.zeros((1, 16, 16), np.float32)
    sizes, offsets = np.zeros((2, 16, 16), np.float32), np.zeros((2, 16, 16), np.float32)
    for row, column, sure in ((4, 6, 0.9), (4, 7, 0.8), (12, 3, 0.7), (1, 1, faces.SURE - 0.01)):
        likelihood[0, row, column] = sure
        sizes[:, row, column] = np.log(5), np.log(3)  # 20 high, 12 wide
    offsets[:, 4, 6] = 0.25, -0.25
    first, second = faces.faces(likelihood, sizes, offsets)
    assert first.tolist() == pytest.approx([25 - 6, 19 - 10, 12, 20, 0.9], abs=1e-4)
    assert second.tolist() == pytest.approx([14 - 6, 50 - 10, 12, 20, 0.7], abs=1e-4)
    assert faces.faces(likelihood * 0, sizes, offsets).shape == (0, 5)


def test_colours_and_crop_of_what_the_classifier_is_shown() -> None:
    image = Image.new("RGB", (300, 200), (255, 0, 0))
    shown = content._pixels(image)
    assert shown.shape == (1, 224, 224, 3)
    assert shown[0, 100, 100].tolist() == pytest.approx([-104, -117, 255 - 123], abs=3), "blue, green, red"
