"""A re-ranker on a model server that sees pictures: every picture is sent to it, scaled down, with one question.

The score is the log-odds of "yes" against "no" as the first word of the answer, less what the model says to the same
picture when it is asked about nothing: what it thinks of pictures in general does not count.
"""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Lock
from typing import Any

import numpy as np
from msgspec import Struct
from PIL import Image

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel, Vectors
from composer.types import Language, Picture
from models import address as addresses
from models.refusals import is_refusal
from models.rerankers.pictures import HANDED_SIDE, as_address, opened
from models.rerankers.questions import CAPTION, CONTEXT, NO, UNREADABLE, YES, question, shortened, telling
from models.served import About, about
from models.server import Server

AT_ONCE = 4
"""Requests under way together; servers that compute one at a time queue the others."""
QUALITY = 90
"""Of the JPEG that is sent: a network is slower than memory."""
FIRST_WORDS = 20
"""Candidates for the first word that are asked for: the most that OpenAI's API allows."""
LLAMA_FIRST_WORDS = 500
"""llama.cpp gives as many as are asked for, so that the unlikely side is known too."""
KEPT = 20_000
"""Answers kept, so that one picture is asked one question once."""
NUMBER = (
    "How well does this picture show what the caption of an article says, and suit the text around it? Answer with one "
    "whole number from 0 (not at all) to 10 (exactly), and nothing else."
)
NUMBER_TOKENS = 8
_DIGITS = re.compile(r"\s*(10|[0-9])(?:\s*/\s*10)?\s*\.?\s*")
_THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
_YES, _NO = ({each.strip().lower() for each in words} for words in (YES, NO))


class EndpointReranker:
    """A Reranker on a model server. `setting`: "URL#MODEL"; `allowed`: hosts beyond this machine, as "host:port".

    Making one connects to nothing; the server is met with the first pictures. Raises ModelNotReady when the setting is
    no address, or one that the writer has not said yes to.
    """

    sees_pictures = True
    languages: tuple[Language, ...] = ("en", "zh")
    """No server tells what its model's vocabulary was made for; the writer chose the model, so both are let through."""

    def __init__(self, setting: str, allowed: Sequence[str] = (), at_once: int = AT_ONCE) -> None:
        self._server = Server(setting, allowed)
        self.id = self._server.address.setting
        self._at_once = max(1, at_once)
        self._about: About | None = None
        self._by_number = False
        self._kept: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = Lock()
        self._meeting = Lock()
        self._notices: list[str] = []

    def rerank(self, pictures: Sequence[Picture], caption: str, context: str, cancel: Cancel) -> Vectors:
        """Score how well each picture shows the caption in the light of the paragraph.

        Returns shape (len(pictures),), in the order given: log-odds of "yes" less the picture's own prior, about -10
        to 10. A server that tells no probabilities is asked for a number from 0 to 10 instead; n then counts as
        ln((n + 0.5) / (10.5 - n)), -3 to 3 with 0 for a 5. NaN when the model answers neither; UNREADABLE for a
        picture whose file cannot be read. Raises ModelNotReady when the server is gone or its model sees no pictures,
        ModelFailed when it fails, Cancelled within 0.3 s of a cancel.
        """
        cancel.check()
        if not pictures:
            return np.zeros(0, dtype=np.float32)
        self._meet(cancel)
        asked = _Asked(caption, context)
        unique = sorted({picture.id: picture for picture in pictures}.values(), key=lambda picture: picture.id)
        scores: dict[str, float] = {}
        for picture, score in self._each(unique, lambda picture, stop: self._score(picture, asked, stop), cancel):
            scores[picture.id] = score
        return np.array([scores[picture.id] for picture in pictures], dtype=np.float32)

    def prepare(self, pictures: Sequence[Picture], cancel: Cancel) -> Iterator[int]:
        """Ask for the pictures' priors, which every question needs; nothing where the server tells no probabilities."""
        cancel.check()
        if not pictures:
            return
        self._meet(cancel)
        if not self._by_number:
            work = self._each(pictures, self._prior, cancel)
            for done, _ in enumerate(work, start=1):
                yield done

    def notices(self) -> list[str]:
        with self._lock:
            told, self._notices = self._notices, []
        return told

    def close(self) -> None:
        self._server.close()

    # --- the server ---

    def _meet(self, cancel: Cancel) -> None:
        """Learn once what the server's model can: whether it sees pictures, and whether probabilities are told."""
        with self._meeting:
            if self._about is not None:
                return
            known = about(self._server, cancel)
            if known.vision is False:
                raise _blind(known.short)
            self._about = known
            try:
                self._try_out(known, cancel)
            except BaseException:
                self._about = None
                raise

    def _try_out(self, known: About, cancel: Cancel) -> None:
        """One grey picture: a model that cannot see refuses it, and the answer shows what comes with it."""
        grey = as_address(Image.new("RGB", (64, 64), "grey"), QUALITY)
        try:
            reply = self._ask(grey, question("", ""), 1, cancel)
        except ModelFailed as error:
            if known.vision is None and is_refusal(error):
                raise _blind(known.short) from error
            raise
        told = [warning] if (warning := addresses.warning(self._server.address.setting)) else []
        self._by_number = _first_words(reply) is None
        if self._by_number:
            told.append("The model server tells no probabilities: pictures are judged by a number from 0 to 10.")
        with self._lock:
            self._notices.extend(told)

    def _each(
        self, pictures: Sequence[Picture], work: Callable[[Picture, Cancel], float], cancel: Cancel
    ) -> Iterator[tuple[Picture, float]]:
        """Do the work for every picture, a few at once. The first that fails stops the others."""
        stop = _Either(cancel)
        pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="server-reranker")
        try:
            futures = {pool.submit(work, picture, stop): picture for picture in pictures}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            stop.cancel()
            pool.shutdown(wait=True, cancel_futures=True)
        cancel.check()

    # --- one picture ---

    def _score(self, picture: Picture, asked: _Asked, cancel: Cancel) -> float:
        if self._by_number:
            how = asked.number
            return self._remembered(picture, how, lambda image: self._number(image, how, cancel), cancel)
        yes = asked.yes_or_no
        given = self._remembered(picture, yes, lambda image: self._odds(image, yes, cancel), cancel)
        return given if given == UNREADABLE else given - self._prior(picture, cancel)

    def _prior(self, picture: Picture, cancel: Cancel) -> float:
        asked = question("", "")
        return self._remembered(picture, asked, lambda image: self._odds(image, asked, cancel), cancel)

    def _remembered(self, picture: Picture, key: str, ask: Callable[[str], float], cancel: Cancel) -> float:
        cancel.check()
        with self._lock:
            known = self._kept.get((picture.id, key))
        if known is not None:
            return known
        image = opened(picture, HANDED_SIDE)
        score = UNREADABLE if image is None else ask(as_address(image, QUALITY))
        with self._lock:
            self._kept[picture.id, key] = score
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return score

    def _odds(self, image: str, asked: str, cancel: Cancel) -> float:
        return log_odds(_first_words(self._ask(image, asked, 1, cancel)) or [])

    def _number(self, image: str, asked: str, cancel: Cancel) -> float:
        """The number that the model gives, on the scale of log-odds; NaN when it gives none, asked twice."""
        for seed in (1, 2):
            reply = self._ask(image, asked, NUMBER_TOKENS, cancel, seed)
            if found := _DIGITS.fullmatch(_THOUGHT.sub("", _words(reply))):
                number = int(found[1])
                return math.log((number + 0.5) / (10.5 - number))
        return math.nan

    def _ask(self, image: str, asked: str, tokens: int, cancel: Cancel, seed: int = 1) -> _Reply:
        """One question about one picture. The picture comes first: what a server computed of it serves the next."""
        known = self._about
        assert known is not None  # noqa: S101 - _meet comes first
        content = [{"type": "image_url", "image_url": {"url": image}}, {"type": "text", "text": asked}]
        body: dict[str, Any] = {
            "model": known.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": tokens,
            "temperature": 0.0 if seed == 1 else 0.5,
            "seed": seed,
            "logprobs": True,
            "top_logprobs": LLAMA_FIRST_WORDS if known.kind == "llama.cpp" else FIRST_WORDS,
        }
        if known.kind in {"llama.cpp", "vllm"}:
            body["chat_template_kwargs"] = {"enable_thinking": False}
        if known.kind == "ollama" and known.thinks:
            body["reasoning_effort"] = "none"
        return self._server.reading(self._server.chat(body, cancel), _Reply)


class _Asked:
    """The two ways to ask about a slot."""

    def __init__(self, caption: str, context: str) -> None:
        self.yes_or_no = question(caption, context)
        caption = shortened(caption, CAPTION)
        self.number = f"{NUMBER}\nCaption: {caption}\nText: {telling(context, caption, CONTEXT)}"


class _Word(Struct):
    token: str
    logprob: float


class _First(_Word):
    top_logprobs: list[_Word] = []


class _Logprobs(Struct):
    content: list[_First] | None = None


class _Said(Struct):
    content: str | None = None


class _Choice(Struct):
    message: _Said
    logprobs: _Logprobs | None = None


class _Reply(Struct):
    choices: list[_Choice]


class _Either(Cancel):
    """Thrown when it is, or when the writer's is."""

    def __init__(self, other: Cancel) -> None:
        super().__init__()
        self._other = other

    @property
    def cancelled(self) -> bool:
        return super().cancelled or self._other.cancelled

    def check(self) -> None:
        self._other.check()
        super().check()


def log_odds(words: Sequence[tuple[str, float]]) -> float:
    """ln P(yes) - ln P(no) over all spellings among the likeliest first words, given as (word, ln P).

    A side that is not among them is no likelier than the least of them, and counts as that. NaN when neither is there.
    """
    sides = [[chance for word, chance in words if _bare(word) in side] for side in (_YES, _NO)]
    if not any(sides):
        return math.nan
    least = min(chance for _, chance in words)
    yes, no = (float(np.logaddexp.reduce(side)) if side else least for side in sides)
    return yes - no


def _bare(word: str) -> str:
    return word.strip(" \t\n▁ĠĊ*\"'.,").lower()


def _first_words(reply: _Reply) -> list[tuple[str, float]] | None:
    """The likeliest first words; None when the server does not tell them."""
    told = reply.choices[0].logprobs if reply.choices else None
    if told is None or not told.content or not told.content[0].top_logprobs:
        return None
    return [(each.token, each.logprob) for each in told.content[0].top_logprobs if math.isfinite(each.logprob)]


def _words(reply: _Reply) -> str:
    return (reply.choices[0].message.content or "") if reply.choices else ""


def _blind(model: str) -> ModelNotReady:
    return ModelNotReady(
        f"{model} does not see pictures, so it cannot judge them.",
        "Choose a model that does, such as a vision-language model of that server.",
    )
