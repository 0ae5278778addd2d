"""Looking for faces and unsafe pictures: CenterFace, and Yahoo's Open NSFW (BSD-2-Clause), both run by OpenCV's dnn.

Open NSFW (Mahadeokar and Pesavento 2016, github.com/yahoo/open_nsfw) is a thin residual network of 50 layers. It looks
for pornographic photographs and nothing else: not drawings, not violence. Its authors give no rate of what it finds,
and warn that there will be errors; they read scores below 0.2 as safe and above 0.8 as most probably not. No such
pictures were at hand here, so how many it finds was not measured, only false alarms: at 0.5, where the filter stands,
one of 722 pictures of landmarks, animals, things, food and landscapes (a musician with a bare chest), at 0.2 five, at
0.8 none. Few of those pictures show people, so expect more on yours.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.Image import Image as Picture

from composer.errors import ModelNotReady
from composer.ports import Content
from models import store
from models.readers.faces import FaceFinder

NAME = "starter-screens"
"""In the catalogue of models."""
FACES, UNSAFE = "centerface.onnx", "open-nsfw.onnx"
_WHOLE, _CROP = 256, 224
_MEAN = np.array([104, 117, 123], np.float32)
"""Of the blue, green and red of the pictures that Open NSFW was trained on."""


def weights() -> Path:
    """The folder of the models. Raises ModelNotReady, with what to do, when they or the package are not here."""
    _check_installed()
    return store.ready(store.find(NAME))


class StarterScreens:
    """Loads its models when first used: 31 MB of weights, a quarter of a gigabyte of memory while it looks."""

    id = "open-nsfw+centerface"
    version = 1

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """`folder` holds both networks; `threads` bounds the processor threads, 0 takes what OpenCV thinks right."""
        self._folder = folder
        self._threads = threads
        self._faces: FaceFinder | None = None
        self._unsafe: Any = None

    def look(self, images: Sequence[Picture]) -> list[Content]:
        """As the port says."""
        finder = self._loaded()
        return [Content(self._score(image), len(finder.find(image))) for image in images]

    def close(self) -> None:
        """Free the models; looking again loads them anew."""
        self._faces = self._unsafe = None

    def _score(self, image: Picture) -> float:
        self._unsafe.setInput(_pixels(image))
        return round(float(self._unsafe.forward()[0, 1]), 4)

    def _loaded(self) -> FaceFinder:
        if self._faces is None:
            _check_installed()
            missing = [name for name in (FACES, UNSAFE) if not (self._folder / name).is_file()]
            if missing:
                raise ModelNotReady(f"{missing[0]} is missing.", "Run `python main.py models pull starter-screens`.")
            import cv2

            if self._threads:
                cv2.setNumThreads(self._threads)
            weights = np.frombuffer((self._folder / UNSAFE).read_bytes(), np.uint8)
            self._unsafe = cv2.dnn.readNetFromONNX(weights)
            self._faces = FaceFinder(self._folder / FACES)
        return self._faces


def _check_installed() -> None:
    if util.find_spec("cv2") is None:
        raise ModelNotReady(
            "What looks for faces and unsafe pictures is not installed.", 'Run: pip install "pictorial[screens]".'
        )


def _pixels(image: Picture) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Open NSFW's own preprocessing, shape (1, 224, 224, 3): the middle of the picture drawn to a square.

    JPEG once more, as it was trained: scores differ by a tenth without.
    """
    edge = (_WHOLE - _CROP) // 2
    square = image.convert("RGB").resize((_WHOLE, _WHOLE), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    square.crop((edge, edge, edge + _CROP, edge + _CROP)).save(file, "JPEG")
    with Image.open(file) as again:
        return (np.asarray(again, np.float32)[:, :, ::-1] - _MEAN)[None]
