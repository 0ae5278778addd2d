"""A writer on a model server that speaks OpenAI's API: Ollama, LM Studio, llama.cpp's server, vLLM, LMDeploy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from composer.errors import ModelFailed
from composer.ports import PLACE, Cancel, Capabilities, Message, Piece, Prompt
from composer.types import Language, Picture
from models.refusals import is_refusal, too_many
from models.rerankers.pictures import HANDED_SIDE, as_address, opened
from models.served import About, Counter, about
from models.server import Server
from models.writers.schema import fits, parse
from models.writers.thoughts import Thoughts

TRIES = 3
"""How often a JSON answer is asked for before giving up."""
NOT_DONE = {400, 422, 501}
"""What a server says that does not know schemas, or not this one."""
THINKING = 2048
"""Tokens more for a model that spent its whole answer on thinking, which these servers count as the answer."""
MARKS = 8
"""Tokens that a chat's own marks take for a message, for servers that do not count a whole chat."""
LANGUAGES: tuple[Language, ...] = ("en", "zh")
"""No server tells what its model's vocabulary was made for, and the writer chose the model: both are let through."""


class EndpointWriter:
    """A Writer on a model server. `setting`: "URL#MODEL"; `allowed`: hosts beyond this machine, as "host:port".

    Making one asks the server what it has. Raises ModelNotReady when the server is not running, not allowed, or has no
    such model, ModelFailed when it answers nonsense.
    """

    def __init__(self, setting: str, allowed: Sequence[str] = ()) -> None:
        self._server = Server(setting, allowed)
        self.about = about(self._server)
        self.id = f"server:{self._server.address.place}#{self.about.short}"
        self.capabilities = Capabilities(
            context=self.about.context,
            languages=LANGUAGES,
            grammar=self.about.schema,
            vision=bool(self.about.vision),
            shown=bool(self.about.vision),
        )
        self._counter = Counter(self._server, self.about)
        self._extra = 0

    def count_tokens(self, text: str) -> int:
        """Exact with llama.cpp, vLLM and LMDeploy; elsewhere, and when those do not answer, an estimate."""
        return self._counter.count(text)

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        """Stream the answer; what the model thinks aloud is left out.

        A piece's tokens are the server's own count where it tells it as it goes (llama.cpp, vLLM), otherwise one for
        each piece it sends. Stops within 0.3 s of a cancel, which also breaks the connection off, so that the server
        stops too. Raises Cancelled, ModelNotReady when the server is gone, and ModelFailed when the prompt is too
        long, the server fails, or no answer satisfies the schema.
        """
        cancel.check()
        self._check_room(prompt)
        if prompt.schema is None:
            yield from self._prose(prompt, cancel)
        else:
            yield self._json(prompt, cancel)

    def close(self) -> None:
        self._server.close()

    # --- prose and JSON ---

    def _prose(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        answer = _Answer()
        yield from self._heard(prompt, answer, cancel)
        if answer.only_thought and not self._extra:
            self._extra = THINKING  # from now on, so that it is found out once
            answer = _Answer()
            yield from self._heard(prompt, answer, cancel)
        if answer.only_thought:
            raise ModelFailed(
                f"{self.about.short} thought until its answer was full, and said nothing.",
                "Switch thinking off in the server's settings, or choose a model that does not think aloud.",
            )
        if answer.misheard:
            raise ModelFailed(
                f"{self.about.short} thinks aloud without saying where its thoughts begin.",
                "Let the server set thoughts apart (vLLM: --reasoning-parser), or choose another model.",
            )

    def _heard(self, prompt: Prompt, answer: _Answer, cancel: Cancel) -> Iterator[Piece]:
        """What is meant for the reader, up to the tokens asked for, whatever the server goes on to send."""
        for event in self._server.stream(self._request(prompt), cancel, _says):
            if (piece := answer.take(self._server.reading(event, _Event))) is not None:
                yield piece
            if answer.tokens >= prompt.max_tokens:
                return
        if not answer.ended:
            raise self._server.refusals.broken()
        if (piece := answer.rest()) is not None:
            yield piece

    def _json(self, prompt: Prompt, cancel: Cancel) -> Piece:
        """The first of a few answers that satisfies the schema: a server's promise to keep to it is not relied on."""
        schema, tokens = prompt.schema or {}, 0
        for attempt in range(TRIES):
            answer = _Answer()
            try:
                for piece in self._heard(self._asking(prompt, attempt), answer, cancel):
                    tokens += piece.tokens
            except ModelFailed as error:
                if not (self.about.schema and is_refusal(error, NOT_DONE)):
                    raise
                self.about = replace(self.about, schema=False)
                continue
            value = parse(answer.text)
            if value is not None and fits(value, schema):
                return Piece(json.dumps(value, ensure_ascii=False), tokens)
            if answer.only_thought:
                self._extra = THINKING
        raise ModelFailed(
            "The writer model gave no answer in the form asked for.", "Try again, or choose another model."
        )

    def _asking(self, prompt: Prompt, attempt: int) -> Prompt:
        """The prompt for a try: after the first with another seed, warm enough to differ, and the schema in words."""
        if attempt:
            temperature = max(prompt.temperature, 0.5)
            prompt = replace(prompt, seed=prompt.seed + attempt, temperature=temperature, fresh=False)
        return _in_words(prompt) if attempt or not self.about.schema else prompt

    # --- the request ---

    def _check_room(self, prompt: Prompt) -> None:
        """Refuse a prompt that cannot fit before it is sent: some servers would cut its beginning off in silence."""
        tokens = sum(self.count_tokens(message.content) + MARKS for message in prompt.messages)
        if tokens + prompt.max_tokens > self.about.context:
            about = "" if self._counter.exact else "about "
            raise too_many(tokens, self.about.context, prompt.max_tokens, about)

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self.about.model,
            "messages": [{"role": message.role, "content": _content(message)} for message in prompt.messages],
            "max_tokens": prompt.max_tokens + self._extra,
            "temperature": prompt.temperature,
            "top_p": 0.95,
            "seed": prompt.seed % 2**31,
            "stream": True,
            "stream_options": {"include_usage": True},
            **_own(self.about, fresh=prompt.fresh),
        }
        if prompt.schema is not None and self.about.schema:
            named = {"name": "answer", "strict": True, "schema": prompt.schema}
            request["response_format"] = {"type": "json_schema", "json_schema": named}
            if "repeat_penalty" in request:
                request["repeat_penalty"] = 1.0  # JSON repeats its punctuation by nature
        return request


def _content(message: Message) -> str | list[dict[str, Any]]:
    """The words, with each picture in its place; one that cannot be opened is told by its words."""
    if not message.pictures:
        return message.content
    texts = message.content.split(PLACE)
    parts: list[dict[str, Any]] = []
    for text, picture in zip_longest(texts, message.pictures[: len(texts) - 1]):
        if text:
            parts.append({"type": "text", "text": text})
        if picture is not None:
            parts.append(_shown(picture))
    return parts


def _shown(picture: Picture) -> dict[str, Any]:
    image = opened(picture, HANDED_SIDE)
    if image is None:
        return {"type": "text", "text": picture.words or Path(picture.path).name}
    return {"type": "image_url", "image_url": {"url": as_address(image)}}


class _Delta(Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(Struct):
    delta: _Delta = field(default_factory=_Delta)
    finish_reason: str | None = None


class _Usage(Struct):
    completion_tokens: int = 0


class _Timings(Struct):
    predicted_n: int = 0


class _Event(Struct):
    """What matters of an event of the stream; servers send more, and not all of this."""

    choices: list[_Choice] = []
    usage: _Usage | None = None
    timings: _Timings | None = None


class _Answer:
    """An answer as it comes in: what of it is text for the reader, and how many tokens that took."""

    def __init__(self) -> None:
        self.text = ""
        self.tokens = 0
        """Of the text."""
        self.ended = False
        """The server said that it was done, and did not just hang up."""
        self.misheard = False
        """Text was given that turned out to be a thought."""
        self._thoughts = Thoughts()
        self._cut = False
        self._waiting = 0
        """Tokens that came since the last text."""
        self._told = 0

    @property
    def only_thought(self) -> bool:
        return self._cut and self._thoughts.heard and not self.text.strip()

    def take(self, event: _Event) -> Piece | None:
        """The text for the reader that an event completes."""
        choice = event.choices[0] if event.choices else _Choice()
        self.ended = self.ended or choice.finish_reason is not None
        self._cut = self._cut or choice.finish_reason == "length"
        thought = choice.delta.reasoning_content or choice.delta.reasoning
        text = choice.delta.content or ""
        if text or thought:
            self._count(event)
        said = self._thoughts.hear(text) if text else ""
        if thought or self._thoughts.thinking:
            self._waiting = 0  # a thought is no part of the answer
        self._thoughts.heard = self._thoughts.heard or bool(thought)
        if self._thoughts.stray:
            self._forget()
        return self._give(said) if said else None

    def rest(self) -> Piece | None:
        """What was held back at the end."""
        text = self._thoughts.rest()
        return self._give(text) if text else None

    def _give(self, text: str) -> Piece:
        piece = Piece(text, max(1, self._waiting))
        self.text, self.tokens, self._waiting = self.text + text, self.tokens + piece.tokens, 0
        return piece

    def _count(self, event: _Event) -> None:
        told = event.timings.predicted_n if event.timings else event.usage.completion_tokens if event.usage else 0
        self._waiting += max(1, told - self._told)
        self._told = max(told, self._told + 1)

    def _forget(self) -> None:
        self.misheard = self.misheard or bool(self.text.strip())
        self.text, self.tokens, self._waiting, self._thoughts.stray = "", 0, 0, False


def _says(event: Any) -> bool:  # noqa: ANN401 - not looked at yet
    """Whether an event brings a word, spoken or thought."""
    choices = event.get("choices") if isinstance(event, dict) else None
    delta = choices[0].get("delta") if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    return isinstance(delta, dict) and any(delta.get(key) for key in ("content", "reasoning_content", "reasoning"))


def _own(about: About, *, fresh: bool) -> dict[str, Any]:
    """What one server takes and another would refuse. Thinking is switched off where that is known to be possible."""
    if about.kind == "llama.cpp":
        return {
            "cache_prompt": not fresh,
            "timings_per_token": True,
            "min_p": 0.05,
            "repeat_penalty": 1.05,
            "reasoning_format": "deepseek",  # thoughts apart, also those whose mark stands in the prompt
            "chat_template_kwargs": {"enable_thinking": False},
        }
    if about.kind == "vllm":
        return {
            "stream_options": {"include_usage": True, "continuous_usage_stats": True},
            "chat_template_kwargs": {"enable_thinking": False},
        }
    return {"reasoning_effort": "none"} if about.kind == "ollama" and about.thinks else {}


def _in_words(prompt: Prompt) -> Prompt:
    words = "Answer only with JSON that satisfies this JSON schema, without any other words:"
    last = prompt.messages[-1]
    schema = json.dumps(prompt.schema, ensure_ascii=False)
    return replace(prompt, messages=(*prompt.messages[:-1], Message(last.role, f"{last.content}\n\n{words}\n{schema}")))
