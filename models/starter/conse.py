"""The starter encoder: pictures and English texts in one space without weights trained for it.

ConSE (Norouzi et al. 2014, arXiv 1312.5650): a picture's vector is the mean of the text vectors of the classes that an
ImageNet classifier sees in it, weighted by their probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import Image

from composer.errors import ModelNotReady
from composer.ports import Vectors
from composer.types import Language
from models.encoders.lanes import Lanes
from models.isolated import overlapping
from models.starter import minilm

if TYPE_CHECKING:
    from torch import Tensor, nn

ENCODER_ID = "starter-conse-1"
"""Changes when the same picture or text would get another vector."""
IMAGE_SIZE = 260
CROP = 0.89
TOP_CLASSES = 20
PART = 4
"""Pictures a lane takes at a time: with 32 the layers no longer fit into the cache, and one took 1.4 times as long."""


class ConseEncoder:
    """Both towers: EfficientNet-Lite2 for pictures, MiniLM for texts and class names."""

    id = ENCODER_ID
    dimensions = minilm.DIMENSIONS
    image_size = round(IMAGE_SIZE / CROP)
    languages: tuple[Language, ...] = ("en",)

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """Load both towers from the starter encoder's folder. Raises ModelNotReady when its files do not fit."""
        import torch

        if threads:
            torch.set_num_threads(threads)
        self._folder = folder
        self._texts = minilm.shared(folder / "minilm")
        self._classifier: nn.Module | None = None
        self._classes: Vectors | None = None
        self._lanes: Lanes | None = None
        self._loading = Lock()

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), 384)."""
        return self._texts.encode(texts)

    @overlapping
    def encode_images(self, images: Sequence[Image]) -> Vectors:
        """Shape (len(images), 384). Lanes side by side each prepare and look at a part."""
        if not images:
            return np.zeros((0, self.dimensions), np.float32)
        with self._loading:
            self._network()
            self._class_vectors()
            self._lanes = self._lanes or Lanes(PART)
        return np.concatenate(self._lanes.map(self._look, images))

    def _look(self, images: Sequence[Image]) -> Vectors:
        import torch

        with torch.inference_mode():
            chances = self._network()(torch.stack([_pixels(image) for image in images])).softmax(1)
        top = chances.topk(TOP_CLASSES, dim=1)
        vectors = np.einsum("nk,nkd->nd", top.values.numpy(), self._class_vectors()[top.indices.numpy()])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def close(self) -> None:
        """Gives back memory and threads."""
        if self._lanes is not None:
            self._lanes.close()
        self._lanes = None
        self._classifier = None
        self._classes = None
        minilm.shared.cache_clear()

    def _network(self) -> nn.Module:
        if self._classifier is None:
            self._classifier = _classifier(self._folder / "efficientnet-lite2-9656183e.pth")
        return self._classifier

    def _class_vectors(self) -> Vectors:
        if self._classes is None:
            from timm.data.imagenet_info import ImageNetInfo

            info = ImageNetInfo()
            names = [info.index_to_description(at).split(",")[0] for at in range(1000)]
            self._classes = self._texts.encode([f"a photo of {name}" for name in names])
        return self._classes


def _classifier(file: Path) -> nn.Module:
    """timm's tf_efficientnet_lite2 with the file's tensors: the same in the same order, under other names."""
    import timm
    import torch

    state = torch.load(file, weights_only=True, map_location="cpu")
    network = timm.create_model("tf_efficientnet_lite2", pretrained=False)
    names = list(network.state_dict())
    shapes = [tensor.shape for tensor in network.state_dict().values()]
    if [tensor.shape for tensor in state.values()] != shapes:
        raise ModelNotReady(f"{file.name} does not fit the starter encoder.", "Run `python main.py models pull`.")
    network.load_state_dict(dict(zip(names, state.values(), strict=True)))
    return network.eval().to(memory_format=torch.channels_last)


def _pixels(image: Image) -> Tensor:
    """The classifier's own preprocessing: shorter side to 292, centre 260, -1 to 1. Shape (3, 260, 260)."""
    import torch
    from PIL.Image import Resampling

    scale = IMAGE_SIZE / CROP / min(image.size)
    size = tuple(max(IMAGE_SIZE, round(side * scale)) for side in image.size)
    image = image.convert("RGB").resize(size, Resampling.BICUBIC)  # type: ignore[arg-type]
    left, top = ((side - IMAGE_SIZE) // 2 for side in image.size)
    image = image.crop((left, top, left + IMAGE_SIZE, top + IMAGE_SIZE))
    return torch.from_numpy(np.asarray(image, np.float32).copy()).permute(2, 0, 1) / 127.5 - 1
