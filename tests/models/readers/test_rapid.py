from __future__ import annotations

import socket
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from composer.errors import ModelNotReady
from composer.ports import TextReader
from models.readers import rapid
from models.readers.rapid import RapidReader

pytest.importorskip("rapidocr")


@pytest.fixture(scope="module")
def reader() -> RapidReader:
    return RapidReader(threads=1)


def sign(text: str, size: int = 40) -> Image.Image:
    image = Image.new("RGB", (480, 160), "white")
    ImageDraw.Draw(image).text((20, 50), text, fill="black", font=ImageFont.load_default(size))
    return image


def test_writing_is_read_and_a_picture_without_any_gives_nothing(
    reader: RapidReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("it went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    noise = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)
    port: TextReader = reader
    assert port.read([sign("Harbour 1923"), Image.fromarray(noise), sign("A")]) == ["Harbour 1923", "", ""]
    assert reader.read([]) == []
    assert reader.id
    assert reader.version > 0


def test_chinese_is_read(reader: RapidReader) -> None:
    try:
        font = ImageFont.truetype("NotoSansCJK-Regular.ttc", 40)
    except OSError:
        pytest.skip("no Chinese font is installed")
    image = Image.new("RGB", (480, 160), "white")
    ImageDraw.Draw(image).text((20, 50), "渔船在港口", fill="black", font=font)
    assert reader.read([image]) == ["渔船在港口"]


def test_a_reader_that_was_closed_reads_again(reader: RapidReader) -> None:
    reader.close()
    assert reader.read([sign("Again")]) == ["Again"]


def test_missing_weights_and_packages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rapid._FILES, "Det", "no such.onnx")
    with pytest.raises(ModelNotReady, match="no such"):
        RapidReader().read([sign("x")])
    monkeypatch.setattr(rapid.util, "find_spec", lambda _: None)
    assert not RapidReader.installed()
    with pytest.raises(ModelNotReady, match="not installed"):
        RapidReader().read([sign("x")])
