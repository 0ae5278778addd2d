"""Finding faces with CenterFace (Xu et al. 2019, arXiv 1911.03599; MIT), trained on WIDER FACE, run by OpenCV's dnn.

The network gives, for every fourth pixel, how likely the middle of a face is there, how large it is, and where in those
four pixels it lies. Its authors tell an average precision of 0.935, 0.924 and 0.875 on the easy, medium and hard
validation pictures of WIDER FACE. Faces seen from above, from behind or smaller than a few pixels are missed; statues,
masks and painted faces count where they look like faces.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Image as Picture

SIDE = 512
"""Pixels a side of what the network is shown: the picture at the upper left, black beside it. One size for all, as
OpenCV plans the network anew for every other. Larger pictures are reduced, smaller ones are not enlarged."""
SURE = 0.6
"""Likelihood from which a face is believed. Of 722 pictures looked at by eye, 454 of the demo and 268 of blogs, 10 show
faces of people and 9 of them are found (the tenth from above). Found as well: 7 that show statues, paintings or posters
of people, and one of 660 that show neither (horses). In groups some are missed: 4 of about 9 on a dark stage. Ten are
few, and the threshold was chosen on them. `bench/screens.py` prints the demo's part of it."""
OVERLAP = 0.3
"""Intersection over union from which two finds are one face."""
STRIDE = 4
_OUTPUTS = ["537", "538", "539", "540"]
"""Likelihood, logarithm of height and width in strides, offset, and landmarks: names of the network's outputs."""


class FaceFinder:
    """Loads the network at once: 7 MB. Not for two threads at a time."""

    def __init__(self, file: Path) -> None:
        import cv2

        self._net: Any = cv2.dnn.readNetFromONNX(np.frombuffer(file.read_bytes(), np.uint8))

    def find(self, image: Picture) -> NDArray[np.float32]:
        """Faces in an upright RGB picture, shape (n, 5): left, top, width, height in its pixels, and likelihood."""
        image = image.convert("RGB")
        scale = min(1.0, SIDE / max(image.size))
        size = tuple(max(1, round(side * scale)) for side in image.size)
        shown = np.zeros((SIDE, SIDE, 3), np.float32)
        shown[: size[1], : size[0]] = np.asarray(image.resize(size, Image.Resampling.BILINEAR))  # pyright: ignore[reportArgumentType]
        self._net.setInput(shown.transpose(2, 0, 1)[None])
        likelihood, sizes, offsets, _ = self._net.forward(_OUTPUTS)
        found = faces(likelihood[0], sizes[0], offsets[0])
        found[:, :4] /= scale
        return found


def faces(
    likelihood: NDArray[np.float32], sizes: NDArray[np.float32], offsets: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The network's maps as faces, each once, the likeliest first: left, top, width, height, likelihood.

    Shapes (1, h, w), (2, h, w) and (2, h, w), vertical before horizontal; the answer has shape (n, 5).
    """
    import cv2

    rows, columns = np.nonzero(likelihood[0] >= SURE)
    high, wide = np.exp(sizes[:, rows, columns]) * STRIDE
    down, right = offsets[:, rows, columns] + 0.5
    left, top = (columns + right) * STRIDE - wide / 2, (rows + down) * STRIDE - high / 2
    found = np.stack([left, top, wide, high, likelihood[0, rows, columns]], axis=1).astype(np.float32)
    kept = cv2.dnn.NMSBoxes(found[:, :4].tolist(), found[:, 4].tolist(), SURE, OVERLAP)
    return found[np.asarray(kept, np.int64).reshape(-1)]
