"""A re-ranker that looks, on llama.cpp: a GGUF model and the mmproj file that lets it see.

The score is the log-odds of "yes" against "no" as the first word of the answer, over all ways to spell them, less what
the model says to the same picture when it is asked about nothing. After VQAScore (Lin et al. 2024, arXiv 2404.01291).

The picture comes first in the prompt, so that what llama.cpp keeps of it, its tokens' keys and values, serves every
question; several pictures' are kept, in a store of bounded size.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel, Vectors
from composer.types import Language, Picture
from models import gguf
from models.checkpoints import fingerprint
from models.gguf import Gguf
from models.llama_server import LlamaServer
from models.rerankers.pictures import HANDED_SIDE, as_address, opened
from models.rerankers.questions import NO, UNREADABLE, YES, question
from models.vocabulary import letters_of
from models.writers.thoughts import unthinking

CONTEXT = 4096
"""Tokens for a picture and a question; a large picture takes up to 3,000 in some models."""
BATCH = 1024
"""Tokens computed at once; models whose picture tokens all look at each other need a picture's at once."""
STORE_MB = 1024
"""For what is kept of pictures: 1.6 MB each with a model of 256 million weights, about 100 MB with one of 7 billion."""
KEPT = 128
"""Pictures whose JPEG is kept, about 100 kB each."""
ANSWERS = 50_000
"""Answers kept."""
LIFT = 100.0
"""Added to the logits of the answers, so that of all words they alone are left to choose from, at their own odds."""
LEAST = 1e-38
MARK = "<__picture__>"
"""Stands in a prompt where the picture is seen."""
PLAIN = "User:{picture}{question}\nAssistant:"
"""For a model without a chat template."""
PAIR = "Name a model and its picture reader: gguf:MODEL.gguf+MMPROJ.gguf."


class LlamaReranker:
    """A Reranker on "MODEL.gguf+MMPROJ.gguf". Raises ModelNotReady when one cannot be used, or not with the other."""

    sees_pictures = True

    def __init__(self, names: str, threads: int = 0, store_mb: int = STORE_MB) -> None:
        model, eyes = _pair(names)
        self.id = f"gguf:{model.path.stem}@{fingerprint((model.path, eyes.path))}"
        self._yes, self._no = _answers(model)
        context = min(CONTEXT, model.number("context_length") or CONTEXT)
        self._server = LlamaServer(
            model, name="picture model", context=context, threads=threads, eyes=eyes, store_mb=store_mb, batch=BATCH
        )
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._jpegs: OrderedDict[str, str] = OrderedDict()
        self._request = _request(self._yes | self._no)

    @property
    def languages(self) -> tuple[Language, ...]:
        return self._server.languages

    def rerank(self, pictures: Sequence[Picture], caption: str, context: str, cancel: Cancel) -> Vectors:
        """Score how well each picture shows the caption in the light of the paragraph.

        Returns shape (len(pictures),), log-odds (unbounded, higher is better), in the order given; a picture that
        cannot be read scores UNREADABLE. Raises Cancelled soon, ModelFailed when llama.cpp cannot go on.
        """
        cancel.check()
        scores = np.full(len(pictures), UNREADABLE, dtype=np.float32)
        nothing, asked = question("", ""), question(caption, context)
        # In an order of our own, so that the order given decides nothing, not even the last bits.
        for place in sorted(range(len(pictures)), key=lambda at: pictures[at].id):
            cancel.check()
            if self._jpeg(pictures[place]) is not None:
                prior = self._odds(pictures[place], nothing, cancel)
                scores[place] = self._odds(pictures[place], asked, cancel) - prior
        return scores

    def prepare(self, pictures: Sequence[Picture], cancel: Cancel) -> Iterator[int]:
        """Look at the pictures: their priors are then known, and as many as the store holds need not be seen again."""
        for count, picture in enumerate(pictures, start=1):
            cancel.check()
            if self._jpeg(picture) is not None:
                self._odds(picture, question("", ""), cancel)
            yield count

    def notices(self) -> list[str]:
        return []

    def close(self) -> None:
        self._server.close()
        self._jpegs.clear()

    def _odds(self, picture: Picture, asked: str, cancel: Cancel) -> float:
        """Log-odds of yes. Asked once: computed again, with more or less of it kept, the last bits may differ."""
        key = (picture.id, asked)
        if key not in self._known:
            self._known[key] = self._weigh(self._answer(picture, asked, cancel))
            if len(self._known) > ANSWERS:
                self._known.popitem(last=False)
        return self._known[key]

    def _answer(self, picture: Picture, asked: str, cancel: Cancel) -> dict[str, Any]:
        """The first word with its odds, as llama.cpp tells them."""
        before, _, after = self._prompt(asked).partition(MARK)
        seen = {"type": "image_url", "image_url": {"url": self._jpeg(picture)}}
        content = [{"type": "text", "text": before}, seen, {"type": "text", "text": after}]
        request = {**self._request, "messages": [{"role": "user", "content": content}]}
        for chunk in self._server.stream(request, cancel):
            for choice in chunk.get("choices", ()):
                if told := (choice.get("logprobs") or {}).get("content"):
                    return told[0]
        raise ModelFailed("The picture model said nothing.", "Try again, or choose another model.")

    def _weigh(self, told: dict[str, Any]) -> float:
        chances = {each["id"]: float(each["prob"]) for each in told.get("top_probs", ())}
        yes, no = (sum(chances.get(token, 0.0) for token in tokens) for tokens in (self._yes, self._no))
        return math.log(max(yes, LEAST)) - math.log(max(no, LEAST))

    def _prompt(self, asked: str) -> str:
        asked = asked.replace(MARK, "")
        model = self._server.model
        if not model.template:
            return PLAIN.format(picture=MARK, question=asked)
        parts = [{"type": "text", "text": MARK}, {"type": "text", "text": asked}]
        refusal = ModelNotReady(f"The chat template of {model.path.name} leaves out pictures.", "Choose another model.")
        for content in (parts, f"{MARK}{asked}"):  # some templates know lists of parts, some texts
            said: list[dict[str, Any]] = [{"role": "user", "content": content}]
            try:
                text = self._server.prompt(said, enable_thinking=False, thinking=False)
            except ModelNotReady as error:
                refusal = error
                continue
            if text.count(MARK) == 1 and asked in text:
                return unthinking(text, model.template)
        raise refusal

    def _jpeg(self, picture: Picture) -> str | None:
        """The picture as it is handed over; None if it cannot be read."""
        if picture.id not in self._jpegs:
            image = opened(picture, HANDED_SIDE)
            if image is None:
                return None
            self._jpegs[picture.id] = as_address(image)
        self._jpegs.move_to_end(picture.id)
        while len(self._jpegs) > KEPT:
            self._jpegs.popitem(last=False)
        return self._jpegs[picture.id]


def _request(answers: set[int]) -> dict[str, Any]:
    """One word, chosen among the answers at their own odds, with the odds told."""
    return {
        "max_tokens": 1, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0, "seed": 1,
        "cache_prompt": True, "logprobs": True, "top_logprobs": len(answers),
        "post_sampling_probs": True,
        "logit_bias": [[token, LIFT] for token in sorted(answers)],
    }  # fmt: skip


def _pair(names: str) -> tuple[Gguf, Gguf]:
    """The headers of the model and of its picture reader."""
    pair = [name for name in gguf.split_pair(names) if name]
    if len(pair) != 2:
        raise ModelNotReady(f"{Path(names).name} alone does not see pictures, so it cannot judge them.", PAIR)
    files = [Path(name).expanduser() for name in pair]
    model, eyes = (gguf.read(gguf.parts(file)[0]) for file in files)
    if model.kind == "clip" or eyes.kind != "clip":
        raise ModelNotReady(f"{eyes.path.name} is no picture reader (mmproj) for {model.path.name}.", PAIR)
    if eyes.fields.get("clip.has_vision_encoder") is False:
        raise ModelNotReady(f"{eyes.path.name} reads sounds, not pictures.", PAIR)
    return model, eyes


def _answers(model: Gguf) -> tuple[set[int], set[int]]:
    """The tokens that are a yes and a no. Raises ModelNotReady if the vocabulary has none."""
    spelled = {word.decode("utf-8", "replace"): token for token, word in enumerate(model.words)}
    write = letters_of if model.text("tokenizer.ggml.model") == "gpt2" else _pieces
    yes, no = ({spelled[write(word)] for word in words if write(word) in spelled} for words in (YES, NO))
    if not yes or not no:
        raise ModelNotReady("The model's vocabulary cannot tell yes from no.", "Choose another model for re-ranking.")
    return yes, no


def _pieces(word: str) -> str:
    """As a sentencepiece vocabulary writes it."""
    return word.replace(" ", "▁")
