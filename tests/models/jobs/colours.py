"""An encoder that every worker can make: it sees the mean colour of each quarter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL.Image import Image, Resampling

from composer.errors import ModelNotReady
from composer.ports import Vectors


class Colours:
    id = "colours"
    dimensions = 12
    image_size = 32

    def __init__(self, broken: bool = False) -> None:
        if broken:
            raise ModelNotReady("The weights are not on this machine.", "Put them there.")

    def encode_images(self, images: Sequence[Image]) -> Vectors:
        rows = [np.asarray(image.resize((2, 2), Resampling.BOX), np.float32).ravel() + 1.0 for image in images]
        vectors = np.stack(rows)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def close(self) -> None:
        pass
