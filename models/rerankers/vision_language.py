"""A re-ranker that looks: a vision-language model is asked whether a picture suits the text.

The score is the log-odds of "yes" against "no" as the first word of the answer, over all ways to spell them: one
forward pass, no sampling. After VQAScore (Lin et al. 2024, arXiv 2404.01291).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel, Vectors
from composer.types import Language, Picture
from models.checkpoints import (
    FETCH,
    SMALLER,
    Precision,
    Stop,
    choose_device,
    choose_dtype,
    fingerprint,
    go_offline,
    is_out_of_memory,
    languages,
    load,
    quietly,
    telling,
    weight_files,
)

YES = ("Yes", "yes", "YES", " Yes", " yes")
NO = ("No", "no", "NO", " No", " no")
LONGEST_SIDE = 768
"""Pixels; more costs these models time and tells them little about whether a picture suits a text."""
UNREADABLE = -100.0
"""Score of a picture whose file cannot be read: as sure a no as there is, and still a number."""
CAPTION, CONTEXT = 300, 600
"""Characters of the caption and of the paragraph that are shown to the model."""
NARROWEST = 32
"""Pixels; some models refuse pictures that are far longer than wide, so these get white edges."""
QUESTION = (
    'A picture is needed in an article, with this caption: "{caption}"\n{context}'
    "Does this picture show what the caption says? Answer with yes or no."
)
PLAIN = "User:<image>{question}\nAssistant:"


class VisionLanguageReranker:
    """A Reranker on transformers' AutoModelForImageTextToText, from a local folder of safetensors.

    `batch` pictures are looked at together, fewer when memory runs out. Raises ModelNotReady when the files cannot be
    used or the model does not see pictures, ModelFailed when it does not fit into memory.
    """

    sees_pictures = True

    def __init__(
        self,
        path: str | Path,
        precision: Precision = "auto",
        device: str = "auto",
        batch: int = 4,
        longest_side: int = LONGEST_SIDE,
    ) -> None:
        go_offline()
        folder = Path(path).expanduser()
        self.id = f"transformers:{folder.name}@{fingerprint(weight_files(folder))}"
        self._batch = max(1, batch)
        self._side = longest_side
        self._device = choose_device() if device == "auto" else device
        self._dtype = choose_dtype(precision, self._device)
        quietly(lambda: self._load(folder))
        self._yes, self._no = _answers(self._processor.tokenizer)
        self._stop = Stop(self._model)

    def _load(self, folder: Path) -> None:
        from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

        local = {"local_files_only": True, "trust_remote_code": False}
        with telling(folder, "a model that sees pictures"):
            config = AutoConfig.from_pretrained(folder, **local)
        if type(config) not in AutoModelForImageTextToText._model_mapping:  # noqa: SLF001 - the library has no question for it
            raise ModelNotReady(f"The model in {folder} does not see pictures, so it cannot judge them.", FETCH)
        with telling(folder, "a model that sees pictures"):
            self._processor: Any = AutoProcessor.from_pretrained(folder, **local)
            if getattr(self._processor, "image_processor", None) is None:
                raise ValueError("no image processor")
            # Padding goes after the words: every row then has the positions it would have alone.
            self._processor.tokenizer.padding_side = "right"
        self._model: Any = load(AutoModelForImageTextToText, folder, "a model that sees pictures", dtype=self._dtype)
        with telling(folder, "a model that sees pictures"):
            self._model.to(self._device)

    @property
    def languages(self) -> tuple[Language, ...]:
        return languages(self._processor.tokenizer)

    def rerank(self, pictures: Sequence[Picture], caption: str, context: str, cancel: Cancel) -> Vectors:
        """Score how well each picture shows the caption in the light of the paragraph.

        Returns shape (len(pictures),), log-odds of "yes" (unbounded, higher is better), in the order given; a picture
        that cannot be read scores UNREADABLE. Raises Cancelled within a layer's time, ModelFailed when the memory is
        too small for a single picture.
        """
        cancel.check()
        scores = np.full(len(pictures), UNREADABLE, dtype=np.float32)
        prompt = self._prompt(caption, context)
        # In an order of our own, so that the order given decides nothing, not even the last bits.
        places = sorted(range(len(pictures)), key=lambda place: pictures[place].id)
        while places:
            cancel.check()
            now, places = places[: self._batch], places[self._batch :]
            seen = [(place, image) for place in now if (image := self._open(pictures[place])) is not None]
            if not seen:
                continue
            try:
                made = self._scores([image for _, image in seen], prompt, cancel)
            except (RuntimeError, MemoryError) as error:
                self._shrink(error)
                places = now + places
                continue
            scores[[place for place, _ in seen]] = made
        return scores

    def prepare(self, pictures: Sequence[Picture], cancel: Cancel) -> Iterator[int]:
        cancel.check()
        yield from ()

    def notices(self) -> list[str]:
        return []

    def close(self) -> None:
        self._model = self._processor = None

    def _shrink(self, error: Exception) -> None:
        """Go on with half the batch if memory ran out; otherwise raise the error."""
        if not is_out_of_memory(error):
            raise error
        if self._batch == 1:
            raise ModelFailed("The memory ran out while looking at a picture.", SMALLER) from error
        self._batch //= 2
        if self._device == "cuda":
            import torch

            torch.cuda.empty_cache()

    def _scores(self, images: Sequence[Image.Image], prompt: str, cancel: Cancel) -> Vectors:
        import torch

        inputs = self._processor(
            images=[[image] for image in images], text=[prompt] * len(images), padding=True, return_tensors="pt"
        ).to(self._device, dtype=self._dtype)
        last = inputs["attention_mask"].sum(dim=1) - 1
        wanted, column = last.unique(return_inverse=True)
        with torch.inference_mode(), self._stop.on(cancel):
            logits = self._model(**inputs, use_cache=False, logits_to_keep=wanted).logits.float()
        first = logits[torch.arange(len(images), device=logits.device), column]
        odds = first[:, self._yes].logsumexp(dim=1) - first[:, self._no].logsumexp(dim=1)
        return odds.cpu().numpy()

    def _prompt(self, caption: str, context: str) -> str:
        paragraph = f"The paragraph before it: {_shortened(context, CONTEXT)}\n" if context.strip() else ""
        question = QUESTION.format(caption=_shortened(caption, CAPTION), context=paragraph)
        if not getattr(self._processor, "chat_template", None):
            return PLAIN.format(question=question).replace(
                "<image>", getattr(self._processor, "image_token", "<image>")
            )
        said = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]
        return self._processor.apply_chat_template(said, tokenize=False, add_generation_prompt=True)

    def _open(self, picture: Picture) -> Image.Image | None:
        """The picture upright, in RGB, at most `longest_side` pixels; its preview if the file itself cannot be read."""
        for path in (picture.path, picture.preview):
            try:
                if path:
                    return _small(Path(path), self._side)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                continue
        return None


def _small(path: Path, side: int) -> Image.Image:
    with Image.open(path) as image:
        image.draft("RGB", (side, side))  # JPEG can be decoded at a fraction of its size
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((side, side), Image.Resampling.BICUBIC)
        if upright.has_transparency_data:
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright.convert("RGBA"))
        upright = upright.convert("RGB")
    if min(upright.size) >= NARROWEST:
        return upright
    return ImageOps.pad(upright, (max(upright.width, NARROWEST), max(upright.height, NARROWEST)), color="white")


def _answers(tokenizer: Any) -> tuple[list[int], list[int]]:  # noqa: ANN401 - transformers is untyped
    """The tokens that an answer of yes and of no can begin with. Raises ModelNotReady if they cannot be told apart."""
    yes, no = _first_tokens(tokenizer, YES), _first_tokens(tokenizer, NO)
    yes, no = yes - no, no - yes
    if not yes or not no:
        raise ModelNotReady("The model's vocabulary cannot tell yes from no.", "Choose another model for re-ranking.")
    return sorted(yes), sorted(no)


def _first_tokens(tokenizer: Any, words: Iterable[str]) -> set[int]:  # noqa: ANN401 - as above
    """Tokens of the words that are one token; if none is, the tokens that the words begin with."""
    spelled = [tokenizer.encode(word, add_special_tokens=False) for word in words]
    unknown = tokenizer.unk_token_id
    spelled = [ids for ids in spelled if ids and unknown not in ids]
    return {ids[0] for ids in spelled if len(ids) == 1} or {ids[0] for ids in spelled}


def _shortened(text: str, most: int) -> str:
    """The beginning of the text in one line, ended at a word."""
    text = " ".join(text.split()).replace('"', "'")
    return text if len(text) <= most else re.sub(r"\s\S*$", "", text[:most]) + " …"
