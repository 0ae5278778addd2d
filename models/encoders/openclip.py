"""Any open_clip model as encoder: a built-in name with its tag, a hub repository that was fetched, or a local folder.

Runs open_clip's own model, preprocessing and tokenizer. Nothing is fetched here: what is missing is said.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image, Resampling, fromarray

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
    give_back,
    go_offline,
    is_out_of_memory,
    pulled,
    quietly,
    settings_of,
    telling,
)
from models.encoders.lanes import Lanes
from models.encoders.pixels import Pixels
from models.isolated import overlapping

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
AGREES = 0.999
"""Cosine between a vector made in bf16 and the same in fp32 from which they count as one."""
FULL_NAMES = {name: f"FacebookAI/{name}" for name in ("roberta-base", "xlm-roberta-base", "xlm-roberta-large")}
"""Text towers that open_clip calls by names from before the hub had owners."""
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
        self._model: Any
        self._tokenizer: Any
        self._pixels: Any
        self._device = choose_device() if device == "auto" else device
        self._batch = max(1, batch)
        source = _Source(name)
        config, weights = source.config(), source.weights()
        self.id = f"open_clip:{source.title}@{fingerprint([weights])}"
        self.dimensions = int(config["embed_dim"])
        self.languages: tuple[Language, ...] = ("en", "zh") if _multilingual(source.title, config) else ("en",)
        with telling(Path(source.title), "an encoder"):
            self._tokenizer = quietly(lambda: source.tokenizer(config, weights.parent))
            self._settle(precision, lambda: quietly(lambda: _built(source, config, weights)))
        self._lanes = Lanes()
        self._room = int(self._tokenizer.context_length or config["text_cfg"].get("context_length", 77))

    def _settle(self, precision: Precision, build: Callable[[], tuple[Any, Any]]) -> None:
        """Hold the weights in bf16 where the machine computes in it and the vectors stay the same, else in fp32."""
        import torch

        wanted = choose_dtype(precision, self._device)
        self._model, self._pixels = build()
        self._hold(torch.float32)
        if wanted is torch.float32:
            return
        whole = self._probe() if precision == "auto" else None
        self._hold(wanted)
        if whole is not None and not _agree(whole, self._probe()):
            self._model = None  # before the next is built, for the memory's sake
            self._model, _ = build()
            self._hold(torch.float32)

    def _hold(self, dtype: Any) -> None:  # noqa: ANN401 - torch.dtype
        self._dtype = dtype
        self._model.to(self._device, dtype=dtype)

    def _probe(self) -> Vectors:
        """Vectors of a few pictures and texts, as they come: shape (4, dimensions), of any length."""
        import torch

        chance = np.random.default_rng(1)
        patches = [fromarray(chance.integers(0, 256, (4, 4, 3), dtype=np.uint8)) for _ in range(2)]
        with torch.inference_mode():
            seen = self._encode_images([patch.resize((256, 256), Resampling.BICUBIC) for patch in patches])
            read = self._encode_texts(["boats in a harbour at dawn", "港口的渔船"])
        return torch.cat([seen, read]).float().cpu().numpy()

    @property
    def image_size(self) -> int:
        size = self._model.visual.image_size
        return int(min(size) if isinstance(size, (tuple, list)) else size)

    @overlapping
    def encode_images(self, images: Sequence[Image]) -> Vectors:
        """Shape (len(images), dimensions), rows of length 1; `batch` pictures at a time, fewer if memory runs out.

        On a processor the pictures are shared out among lanes that compute side by side.
        """
        if self._device != "cpu" or not images:
            return self._joined(images, self._encode_images)
        return np.concatenate(self._lanes.map(lambda part: self._joined(part, self._encode_images), images))

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
        self._lanes.close()
        self._model = self._tokenizer = self._pixels = None
        give_back()

    def _joined(self, items: Sequence[Any], encode: Any) -> Vectors:  # noqa: ANN401 - one of the two below
        import torch

        done: list[Vectors] = [np.zeros((0, self.dimensions), dtype=np.float32)]
        start = 0
        while start < len(items):
            part = items[start : start + self._batch]
            try:
                with torch.inference_mode():
                    made = encode(part).float().cpu().numpy()
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if len(part) == 1:
                    raise ModelFailed("The memory ran out while looking at a picture or text.", SMALLER) from error
                self._batch = min(self._batch, (len(part) + 1) // 2)
                continue
            done.append(_unit(made))
            start += len(made)
        return np.concatenate(done)

    def _encode_images(self, images: Sequence[Image]) -> Any:  # noqa: ANN401 - a tensor
        return self._model.encode_image(self._pixels.batch(images, self._dtype).to(self._device))

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
        self._missing = _not_here(f"The encoder {name}", "")
        if name.startswith("hf-hub:"):
            self.model, self.title = name, name.removeprefix("hf-hub:")
            self._missing = _not_here(f"The encoder {name}", self.title)
            if (place := pulled(self.title)) is not None:
                self.folder, self.model = place, f"local-dir:{place}"
            return
        folder = Path(name).expanduser()
        if folder.is_dir():
            self.folder, self.title, self.model = folder, folder.name, f"local-dir:{folder}"
            return
        self.title = name
        self.model, _, self.tag = name.partition("/")
        self.trained = open_clip.get_pretrained_cfg(self.model, self.tag)
        if not self.trained:
            raise ModelNotReady(
                f"There is no encoder {name}: no such folder, and open_clip has no such model and tag.",
                _advice(self.model),
            )
        self._missing = _not_here(f"The encoder {name}", self.trained.get("hf_hub", ""))

    def config(self) -> dict[str, Any]:
        """The model's architecture. A text tower named by a folder of its own is looked for inside the model's."""
        import open_clip

        if self.folder is not None and not (self.folder / "open_clip_config.json").is_file():
            raise ModelNotReady(*_other_folder(self.folder))
        try:
            config = open_clip.get_model_config(self.model)
        except (OSError, ValueError) as error:
            raise self._missing from error
        if not config or not {"embed_dim", "vision_cfg", "text_cfg"} <= set(config):
            raise ModelNotReady(f"The config of the encoder {self.title} is damaged.", FETCH)
        if tower := config["text_cfg"].get("hf_model_name"):
            config["text_cfg"]["hf_model_pretrained"] = False  # the checkpoint has both towers: fetch none by itself
            config["text_cfg"]["hf_model_name"] = self._beside(tower, "config.json", self.folder)
        return config

    def tokenizer(self, config: dict[str, Any], near: Path) -> Any:  # noqa: ANN401 - one of open_clip's tokenizers
        """The model's tokenizer; of a tag whose tokenizer has a name of its own, from wherever that lies.

        `near`: the folder of the weights, as many repositories hold both.
        """
        import open_clip
        from open_clip.tokenizer import HFTokenizer

        text = config["text_cfg"]
        name = text.get("hf_tokenizer_name")
        if not name or self.tag is None:
            return open_clip.get_tokenizer(self.model)
        place = self._beside(name, "tokenizer_config.json", near)
        length, mode = text.get("context_length", 77), text.get("tokenizer_mode")
        return HFTokenizer(place, context_length=length, tokenizer_mode=mode, **text.get("tokenizer_kwargs", {}))

    def _beside(self, name: str, file: str, near: Path | None) -> str:
        """Where the part of that name lies: near the weights, in a folder of its own, or the cache that knows its name.

        Raises ModelNotReady with the command that fetches it.
        """
        from transformers.utils.hub import cached_file

        full = FULL_NAMES.get(name, name)
        here = [near / name, near] if near is not None else []
        for place in (*here, pulled(full)):
            if place is not None and (place / file).is_file():
                return str(place)
        for known in (name, full):
            with contextlib.suppress(OSError, ValueError):
                if found := cached_file(known, file, local_files_only=True):
                    return str(Path(found).parent)
        raise _not_here(f"{name}, which reads texts for the encoder {self.title},", full)

    def weights(self) -> Path:
        """The file that open_clip will read: safetensors first, pickles only with weights_only=True."""
        from open_clip.factory import _find_checkpoint_in_dir  # the same choice as create_model's
        from open_clip.pretrained import download_pretrained_from_hf

        try:
            if self.folder is not None:
                found = _find_checkpoint_in_dir(self.folder)
            elif self.tag is None:
                found = download_pretrained_from_hf(self.title)
            elif (place := _pulled_before(self.trained)) is not None:
                found = _find_checkpoint_in_dir(place)
            else:
                found = _fetched_before(self.trained)
        except (OSError, ValueError, RuntimeError) as error:
            raise self._missing from error
        if not found or not Path(found).is_file():
            raise self._missing
        return Path(found)


def _not_here(what: str, repository: str) -> ModelNotReady:
    owner_and_name = "/".join(repository.split("/")[:2])
    hint = f"Fetch it with `python main.py models pull hf:{owner_and_name}`." if repository else FETCH
    return ModelNotReady(f"{what} is not on this machine.", hint)


def _other_folder(folder: Path) -> tuple[str, str]:
    """What to say of a folder that is no encoder's."""
    kind = settings_of(folder).get("architectures")
    if isinstance(kind, list) and kind:
        words = f"The model in {folder} is a {kind[0]} of transformers; an encoder must be a model of open_clip."
        return words, "Fetch one made for open_clip: its folder holds open_clip_config.json."
    return f"{folder} is no encoder's folder: it has no open_clip_config.json.", FETCH


def offered() -> list[str]:
    """Every MODEL/TAG that open_clip knows, those that read many languages first."""
    import open_clip

    names = [f"{model}/{tag}" for model, tag in open_clip.list_pretrained()]
    configs: Any = open_clip.get_model_config
    return sorted(names, key=lambda name: not _multilingual(name, configs(name.partition("/")[0])))


def _advice(model: str) -> str:
    """What could have been meant: the model's tags, else some that read many languages."""
    import open_clip

    if tags := open_clip.list_pretrained_tags_by_model(model):
        return f"Write MODEL/TAG; tags of {model}: {', '.join(tags)}."
    return f"Write MODEL/TAG, such as {', '.join(offered()[:3])}, or hf-hub:OWNER/NAME, or a folder."


def _pulled_before(trained: dict[str, Any]) -> Path | None:
    """The folder of a tag's repository in Pictorial's own models folder."""
    repository = "/".join(trained.get("hf_hub", "").split("/")[:2])
    return pulled(repository) if repository else None


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

    create: Any = open_clip.create_model_and_transforms
    model, _, preprocess = create(
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
    return model.eval(), Pixels(preprocess, model.visual.preprocess_cfg)


def _multilingual(title: str, config: dict[str, Any]) -> bool:
    """Whether the text tower was made for many languages, told by its names or the size of its vocabulary."""
    tower = config["text_cfg"]
    names = f"{title} {json.dumps([tower.get('hf_model_name'), tower.get('hf_tokenizer_name')])}".lower()
    return tower.get("vocab_size", 0) >= LARGE_VOCABULARY or any(name in names for name in MULTILINGUAL)


def _agree(one: Vectors, other: Vectors) -> bool:
    """Whether each row of one points where the other's does."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    with np.errstate(all="ignore"):  # numbers that are not finite agree with none
        return bool(((one * other).sum(axis=1) >= AGREES * lengths).all())


def _unit(vectors: Vectors) -> Vectors:
    if not np.isfinite(vectors).all():
        raise ModelFailed("The encoder gave numbers that are not finite.", "Choose full precision (fp32) for it.")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
