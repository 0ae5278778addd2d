"""Any open_clip model as encoder: a built-in name with its tag, a hub repository that was fetched, or a local folder.

Runs open_clip's own model, preprocessing and tokenizer. Nothing is fetched here: what is missing is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Vectors
from composer.types import Language
from models.checkpoints import (
    FETCH,
    SMALLER,
    Precision,
    choose_device,
    choose_dtype,
    fingerprint,
    go_offline,
    is_out_of_memory,
    quietly,
    telling,
)

MULTILINGUAL = (
    "xlm-roberta",
    "xlm-v",
    "nllb",
    "mt5",
    "siglip2",
    "i18n",
    "worldwide",
    "m-clip",
    "multilingual",
    "chinese",
)
LARGE_VOCABULARY = 200_000
"""Tokens; no English vocabulary is as large, every multilingual one is."""
UNIT = re.compile(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]+\s*|\s+")
"""What a text may be split between: Chinese characters, and words with the space after them."""


class OpenClipEncoder:
    """Both towers of an open_clip model.

    `name`: "MODEL/TAG" ("ViT-B-32/laion2b_s34b_b79k"), "hf-hub:owner/repository", or a folder with
    open_clip_config.json, weights and, for other tokenizers than CLIP's, the tokenizer's files.
    Raises ModelNotReady when something is missing or damaged, ModelFailed when it does not fit into memory.
    """

    def __init__(self, name: str, precision: Precision = "auto", device: str = "auto", batch: int = 32) -> None:
        go_offline()
        import open_clip

        self._model: Any
        self._tokenizer: Any
        self._device = choose_device() if device == "auto" else device
        self._batch = max(1, batch)
        source = _Source(name)
        config, weights = source.config(), source.weights()
        self.id = f"open_clip:{source.title}@{fingerprint([weights])}"
        self.dimensions = int(config["embed_dim"])
        self.languages: tuple[Language, ...] = ("en", "zh") if _multilingual(source.title, config) else ("en",)
        with telling(Path(source.title), "an encoder"):
            self._model, self._preprocess = quietly(lambda: _built(source, config, weights))
            self._tokenizer = quietly(lambda: open_clip.get_tokenizer(source.model))
            self._dtype = choose_dtype(precision, self._device)
            self._model.to(self._device, dtype=self._dtype)
        self._room = int(self._tokenizer.context_length or config["text_cfg"].get("context_length", 77))

    @property
    def image_size(self) -> int:
        size = self._model.visual.image_size
        return int(min(size) if isinstance(size, (tuple, list)) else size)

    def encode_images(self, images: Sequence[Image]) -> Vectors:
        """Shape (len(images), dimensions), rows of length 1; `batch` pictures at a time, fewer if memory runs out."""
        return self._joined(images, self._encode_images)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), dimensions), rows of length 1.

        A text longer than the model reads is split at words, and its parts' vectors are averaged.
        """
        parts = [list(self._windows(text)) for text in texts]
        vectors = self._joined([part for some in parts for part in some], self._encode_texts)
        owner = np.repeat(np.arange(len(texts)), [len(some) for some in parts])
        sums = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        np.add.at(sums, owner, vectors)
        return _unit(sums)

    def close(self) -> None:
        self._model = self._tokenizer = None

    def _joined(self, items: Sequence[Any], encode: Any) -> Vectors:  # noqa: ANN401 - one of the two below
        import torch

        done: list[Vectors] = [np.zeros((0, self.dimensions), dtype=np.float32)]
        start = 0
        while start < len(items):
            try:
                with torch.inference_mode():
                    made = encode(items[start : start + self._batch]).float().cpu().numpy()
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if self._batch == 1:
                    raise ModelFailed("The memory ran out while looking at a picture or text.", SMALLER) from error
                self._batch //= 2
                continue
            done.append(_unit(made))
            start += len(made)
        return np.concatenate(done)

    def _encode_images(self, images: Sequence[Image]) -> Any:  # noqa: ANN401 - a tensor
        import torch

        pixels = torch.stack([self._preprocess(image) for image in images])
        return self._model.encode_image(pixels.to(self._device, dtype=self._dtype))

    def _encode_texts(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - a tensor
        return self._model.encode_text(self._tokenizer(list(texts)).to(self._device))

    # --- long texts ---

    def _windows(self, text: str) -> Iterator[str]:
        """The text in parts of about equal length that the model can read whole."""
        units = UNIT.findall(text)
        if self._length(text) <= self._room or len(units) < 2:
            yield text
            return
        middle = len(units) // 2
        yield from self._windows("".join(units[:middle]).strip())
        yield from self._windows("".join(units[middle:]).strip())

    def _length(self, text: str) -> int:
        """Tokens of the text with those that the tokenizer adds."""
        inner = getattr(self._tokenizer, "tokenizer", None)
        if inner is None:
            return len(self._tokenizer.encode(text)) + 2
        cleaned = self._tokenizer.clean_fn(text) if hasattr(self._tokenizer, "clean_fn") else text
        extra = 3 if getattr(self._tokenizer, "tokenizer_mode", "") == "clips" else 0
        return len(inner(cleaned, verbose=False)["input_ids"]) + extra


class _Source:
    """Where a model's config and weights are; finds both without the network."""

    def __init__(self, name: str) -> None:
        import open_clip

        self.tag: str | None = None
        self.folder: Path | None = None
        self.trained: dict[str, Any] = {}
        """What open_clip knows of the tag: where the weights come from and how their pictures were prepared."""
        self._missing = ModelNotReady(
            f"The encoder {name} is not on this machine.", f"Fetch it with `python main.py models fetch {name}`."
        )
        if name.startswith("hf-hub:"):
            self.model, self.title = name, name.removeprefix("hf-hub:")
            return
        folder = Path(name).expanduser()
        if folder.is_dir():
            self.folder, self.title, self.model = folder, folder.name, f"local-dir:{folder}"
            return
        self.title = name
        self.model, _, self.tag = name.partition("/")
        self.trained = open_clip.get_pretrained_cfg(self.model, self.tag)
        if not self.trained:
            tags = ", ".join(open_clip.list_pretrained_tags_by_model(self.model)) or "none: the model is not known"
            raise ModelNotReady(
                f"There is no encoder {name}: no such folder, and open_clip has no such model and tag.",
                f"Write MODEL/TAG; tags of {self.model}: {tags}.",
            )

    def config(self) -> dict[str, Any]:
        """The model's architecture. A text tower named by a folder of its own is looked for inside the model's."""
        import open_clip

        if self.folder is not None and not (self.folder / "open_clip_config.json").is_file():
            raise ModelNotReady(f"{self.folder} is no encoder's folder: it has no open_clip_config.json.", FETCH)
        try:
            config = open_clip.get_model_config(self.model)
        except (OSError, ValueError) as error:
            raise self._missing from error
        if not config or not {"embed_dim", "vision_cfg", "text_cfg"} <= set(config):
            raise ModelNotReady(f"The config of the encoder {self.title} is damaged.", FETCH)
        if tower := config["text_cfg"].get("hf_model_name"):
            config["text_cfg"]["hf_model_pretrained"] = False  # the checkpoint has both towers: fetch none by itself
            if self.folder is not None and (self.folder / tower).is_dir():
                config["text_cfg"]["hf_model_name"] = str(self.folder / tower)
        return config

    def weights(self) -> Path:
        """The file that open_clip will read: safetensors first, pickles only with weights_only=True."""
        from open_clip.factory import _find_checkpoint_in_dir  # the same choice as create_model's
        from open_clip.pretrained import download_pretrained_from_hf

        try:
            if self.folder is not None:
                found = _find_checkpoint_in_dir(self.folder)
            elif self.tag is None:
                found = download_pretrained_from_hf(self.title)
            else:
                found = _fetched_before(self.trained)
        except (OSError, ValueError, RuntimeError) as error:
            raise self._missing from error
        if not found or not Path(found).is_file():
            raise self._missing
        return Path(found)


def _fetched_before(trained: dict[str, Any]) -> str:
    """The weights of a tag in the hub's cache. Raises FileNotFoundError when they are not there."""
    from open_clip.pretrained import download_pretrained_from_hf

    if not trained.get("hf_hub"):  # open_clip would go and fetch what lies outside the hub, so it is not asked
        raise FileNotFoundError
    repository, _, file = trained["hf_hub"].rpartition("/")
    return download_pretrained_from_hf(repository, filename=file or None)


def _built(source: _Source, config: dict[str, Any], weights: Path) -> tuple[Any, Any]:
    """The model and its preprocessing, as open_clip makes them."""
    import open_clip

    model, _, preprocess = open_clip.create_model_and_transforms(
        source.model,
        pretrained=str(weights) if source.tag else None,  # the file, as a tag could be fetched anew
        precision="fp32",
        force_quick_gelu=bool(source.trained.get("quick_gelu")),  # else open_clip warns and computes something else
        image_mean=source.trained.get("mean"),
        image_std=source.trained.get("std"),
        image_interpolation=source.trained.get("interpolation"),
        image_resize_mode=source.trained.get("resize_mode"),
        pretrained_text=False,
        weights_only=True,
        text_cfg=config["text_cfg"],
    )
    return model.eval(), preprocess


def _multilingual(title: str, config: dict[str, Any]) -> bool:
    """Whether the text tower was made for many languages, told by its names or the size of its vocabulary."""
    tower = config["text_cfg"]
    names = f"{title} {json.dumps([tower.get('hf_model_name'), tower.get('hf_tokenizer_name')])}".lower()
    return tower.get("vocab_size", 0) >= LARGE_VOCABULARY or any(name in names for name in MULTILINGUAL)


def _unit(vectors: Vectors) -> Vectors:
    if not np.isfinite(vectors).all():
        raise ModelFailed("The encoder gave numbers that are not finite.", "Choose full precision (fp32) for it.")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
