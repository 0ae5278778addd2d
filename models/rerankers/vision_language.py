"""A re-ranker that looks: a vision-language model is asked whether a picture suits a caption and its paragraph.

A score is the log-odds of yes (sight.py) minus the picture's own prior: the same question with nothing asked for. What
a model would say yes to whatever the caption is says nothing about this caption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel, Vectors
from composer.types import Language, Picture
from models.checkpoints import (
    SMALLER,
    Checkpoint,
    Precision,
    give_back,
    is_out_of_memory,
    languages,
    load,
    open_checkpoint,
    quietly,
    telling,
)
from models.rerankers.comparison import compared, near, settled
from models.rerankers.looks import Look, Looks
from models.rerankers.pictures import opened
from models.rerankers.questions import HEAD, UNREADABLE, question
from models.rerankers.sight import Sight, Ways

SIDE = 512
"""Pixels of the longer side that are looked at; more costs these models time and tells them little about whether a
picture suits a text. For models that cut pictures into tiles: one tile, the whole picture."""
AREA = SIDE * SIDE
TILES = ("do_image_splitting", "crop_to_patches", "do_pan_and_scan")
"""How image processors name the cutting of a picture into tiles."""
BATCH = 8
MISFITS = (ValueError, KeyError, IndexError)
"""What a picture raises that the steps do not fit, unlike the one of the trial at loading."""
KIND = "a model that sees pictures"
REFUSED = "Choose a vision-language model, or `none`: `python main.py models list` shows what there is."
NOTHING = question("", "")


class VisionLanguageReranker:
    """A Reranker on transformers' AutoModelForImageTextToText.

    `name`: a folder of safetensors, or the hub's "owner/name" of a model that lies on this machine.

    `batch` pictures are looked at together, fewer when memory runs out. `looks` is a folder in which up to
    `looks_bytes` of what was seen is kept; None keeps it in memory only. Pictures whose scores are within
    `compare_within` of the best are compared with each other in one prompt (comparison.py); 0 leaves that. `plain`
    makes one full call a picture and keeps nothing: the reference that the fast ways are compared with. Raises
    ModelNotReady when the files cannot be used or the model does not see pictures, ModelFailed when it does not fit
    into memory.
    """

    sees_pictures = True

    def __init__(
        self,
        name: str | Path,
        precision: Precision = "auto",
        device: str = "auto",
        batch: int = BATCH,
        looks: Path | None = None,
        looks_bytes: int = 2 << 30,
        *,
        compare_within: float = 0.0,
        plain: bool = False,
    ) -> None:
        checkpoint = open_checkpoint(name, precision, device)
        self.id = checkpoint.id
        self._batch = 1 if plain else max(1, batch)
        quietly(lambda: self._load(checkpoint))
        self._plain = plain or self.sight.ways == "plain"
        self._looks = Looks(looks, self._key(checkpoint), looks_bytes)
        self._priors: dict[str, float] = {}
        self._notices: list[str] = []
        self._compare_within = compare_within

    def _load(self, checkpoint: Checkpoint) -> None:
        from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

        folder, local = checkpoint.folder, {"local_files_only": True, "trust_remote_code": False}
        with telling(folder, KIND):
            config = AutoConfig.from_pretrained(folder, **local)
        if type(config) not in AutoModelForImageTextToText._model_mapping:  # noqa: SLF001 - the library has no question for it
            raise ModelNotReady(f"The model in {folder} does not see pictures, so it cannot judge them.", REFUSED)
        with telling(folder, KIND):
            self._processor: Any = AutoProcessor.from_pretrained(folder, **local)
            if getattr(self._processor, "image_processor", None) is None:
                raise ValueError("no image processor")
            look_once(self._processor)
        model = load(AutoModelForImageTextToText, folder, KIND, dtype=checkpoint.dtype, **checkpoint.placed)
        if not hasattr(model, "get_image_features"):
            raise ModelNotReady(f"How the model in {folder} sees pictures is not known here.", REFUSED)
        judge = "reranker" in f"{checkpoint.title} {getattr(config, '_name_or_path', '')}".lower()
        with telling(folder, KIND):
            self.sight: Any = Sight(model, self._processor, judge=judge)

    def _key(self, checkpoint: Checkpoint) -> str:
        """Names all that a look depends on, for a folder."""
        depends = f"{self.id} {checkpoint.dtype} {SIDE} {HEAD} {NOTHING} {self.sight.prompt(NOTHING)} {self.sight.ways}"
        return blake2b(depends.encode(), digest_size=10).hexdigest()

    @property
    def ways(self) -> Ways:
        """How much is kept from slot to slot: "prefix" (keys and values), "features", or "plain" (nothing)."""
        return "plain" if self._plain else self.sight.ways

    @property
    def languages(self) -> tuple[Language, ...]:
        return languages(self._processor.tokenizer)

    def rerank(self, pictures: Sequence[Picture], caption: str, context: str, cancel: Cancel) -> Vectors:
        """Score how well each picture shows the caption in the light of the paragraph.

        Returns shape (len(pictures),), log-odds of "yes" above the picture's own (unbounded, higher is better), in the
        order given; a picture that cannot be read scores UNREADABLE. Raises Cancelled within a layer's time,
        ModelFailed when the memory is too small for a single picture.
        """
        cancel.check()
        scores = np.full(len(pictures), UNREADABLE, dtype=np.float32)
        asked = question(caption, context)
        # In an order of our own, so that the order given decides nothing, not even the last bits.
        places = sorted(range(len(pictures)), key=lambda place: pictures[place].id)
        for now in self._batches(
            places, cancel, lambda some: self._scores([pictures[at] for at in some], asked, cancel)
        ):
            for place, score in now:
                scores[place] = score
        return self._settled(pictures, scores, (caption, context), cancel) if self._compare_within > 0 else scores

    def prepare(self, pictures: Sequence[Picture], cancel: Cancel) -> Iterator[int]:
        """Look at pictures and read the prompt's beginning with them; ends early when the disk's limit is reached."""
        if self._plain:
            return
        todo = [at for at, picture in enumerate(pictures) if not self._looks.whole(picture.id)]
        done = len(pictures) - len(todo)
        yield from [done] if done else []
        if self._looks.full:
            return
        try:
            for now in self._batches(todo, cancel, lambda some: self._looks_at([pictures[at] for at in some], cancel)):
                done += len(now)
                yield done
                if self._looks.full:
                    return
        except MISFITS:
            self._go_plain()

    def notices(self) -> list[str]:
        told, self._notices = self._notices, []
        return told

    def forget(self) -> None:
        """Free what is kept of pictures in memory; what is on disk stays."""
        self._looks.forget()

    def close(self) -> None:
        self._processor = self.sight = None
        self.forget()
        give_back()

    def _settled(self, pictures: Sequence[Picture], scores: Vectors, asked: tuple[str, str], cancel: Cancel) -> Vectors:
        """The scores, those near the best handed out anew after comparing their pictures."""
        tied = sorted(near(scores, self._compare_within), key=lambda place: pictures[place].id)
        images = [(place, image) for place in tied if (image := opened(pictures[place], SIDE)) is not None]
        if len(images) < 2:
            return scores
        odds = compared(self.sight, _second(images), *asked, cancel)
        return settled(scores, [place for place, _ in images], odds)

    # --- one batch ----------------------------------------------------------------------------------------------------

    def _scores(self, pictures: Sequence[Picture], asked: str, cancel: Cancel) -> Sequence[float]:
        if self._plain:
            return self._plainly(pictures, asked, cancel)
        try:
            return self._fast(pictures, asked, cancel)
        except MISFITS:
            self._go_plain()
            return self._plainly(pictures, asked, cancel)

    def _go_plain(self) -> None:
        self._plain, self._batch = True, 1
        self._notices.append("This model looks at every picture anew for every place, which takes longer.")

    def _fast(self, pictures: Sequence[Picture], asked: str, cancel: Cancel) -> Sequence[float]:
        looks = self._looks_at(pictures, cancel)
        there = [look for look in looks if look is not None]
        if not there:
            return [UNREADABLE] * len(pictures)
        odds = iter(self.sight.ask(there, asked, cancel))
        return [UNREADABLE if look is None else float(next(odds)) - (look.prior or 0.0) for look in looks]

    def _plainly(self, pictures: Sequence[Picture], asked: str, cancel: Cancel) -> Sequence[float]:
        """Everything in one call for these pictures; only the prior, a number, is remembered."""
        images = [opened(picture, SIDE) for picture in pictures]
        there = [(picture, image) for picture, image in zip(pictures, images, strict=True) if image is not None]
        if not there:
            return [UNREADABLE] * len(pictures)
        odds = dict(
            zip([picture.id for picture, _ in there], self.sight.plain(_second(there), asked, cancel), strict=True)
        )
        new = [(picture, image) for picture, image in there if picture.id not in self._priors]
        if new:
            priors = self.sight.plain(_second(new), NOTHING, cancel)
            self._priors |= {picture.id: float(prior) for (picture, _), prior in zip(new, priors, strict=True)}
        return [odds[each.id] - self._priors[each.id] if each.id in odds else UNREADABLE for each in pictures]

    def _looks_at(self, pictures: Sequence[Picture], cancel: Cancel) -> list[Look | None]:
        """The pictures' looks, whole: from the store, or made now and kept; None for one that cannot be read."""
        looks = [self._looks.get(picture.id) for picture in pictures]
        images = {at: opened(pictures[at], SIDE) for at, look in enumerate(looks) if look is None}
        new = {at: image for at, image in images.items() if image is not None}
        if new:
            for at, look in zip(new, self.sight.look(list(new.values()), cancel), strict=True):
                looks[at] = look
        unread = [look for look in looks if look is not None and look.prior is None]
        if unread:
            if self.sight.ways == "prefix":
                self.sight.read(unread, cancel)
            for look, prior in zip(unread, self.sight.ask(unread, NOTHING, cancel), strict=True):
                look.prior = float(prior)
        for picture, look in zip(pictures, looks, strict=True):
            if look is not None:
                self._looks.put(picture.id, look)
        return looks

    def _batches(
        self, places: Sequence[int], cancel: Cancel, work: Callable[[list[int]], Sequence[Any]]
    ) -> Iterator[list[tuple[int, Any]]]:
        """`work` on a batch of places after the other; half as many at once whenever memory runs out."""
        left = list(places)
        while left:
            cancel.check()
            now = left[: self._batch]
            try:
                made = work(now)
            except (RuntimeError, MemoryError) as error:
                self._shrink(error)
                continue
            left = left[len(now) :]
            yield list(zip(now, made, strict=True))

    def _shrink(self, error: Exception) -> None:
        """Go on with half the batch if memory ran out; otherwise raise the error."""
        if not is_out_of_memory(error):
            raise error
        if self._batch == 1:
            raise ModelFailed("The memory ran out while looking at a picture.", SMALLER) from error
        self._batch //= 2
        number = "one picture" if self._batch == 1 else f"{self._batch} pictures"
        self._notices.append(f"Memory ran short: {number} looked at together from now on, which takes longer.")
        give_back()


def look_once(processor: Any) -> None:  # noqa: ANN401 - transformers is untyped
    """Have pictures looked at whole and once: tiles are for reading small print, at up to 17 times the price."""
    eye = processor.image_processor
    for switch in TILES:
        if hasattr(eye, switch):
            setattr(eye, switch, False)
    own = getattr(processor, "images_kwargs", None)
    if isinstance(own, dict):
        processor.images_kwargs = {name: value and name not in TILES for name, value in own.items()}
    bounds = dict(eye.size) if getattr(eye, "size", None) is not None else {}
    least, most = bounds.get("shortest_edge"), bounds.get("longest_edge")
    if least and most and most > AREA:  # Qwen's processors: the bounds of the area, in pixels
        eye.size = type(eye.size)(**(bounds | {"shortest_edge": min(least, AREA), "longest_edge": AREA}))


def _second(pairs: Sequence[tuple[Any, Image.Image]]) -> list[Image.Image]:
    return [image for _, image in pairs]
