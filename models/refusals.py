"""What a model server's refusals, silences and nonsense mean, in sentences for the writer."""

from __future__ import annotations

import re
import ssl
from collections.abc import Container
from typing import Any

import httpx2
import openai

from composer.errors import Cancelled, ComposerError, ModelFailed, ModelNotReady
from models.address import FORM, Address

LONGEST_WORDS = 200
"""Characters of what the server says that are passed on."""
CONTEXT = re.compile(r"context|too long|too many tokens|maximum.{0,20}length|exceed", re.IGNORECASE)
PROMPT_TOKENS = re.compile(r"(\d+) (?:input|prompt) tokens|request \((\d+) tokens|(\d+) in the messages")
LIMIT = re.compile(r"(?:context (?:size|length|window)|n_ctx|maximum model length)[^\d]{0,20}(\d+)", re.IGNORECASE)
SHORTEN = "Shorten the notes, or give the model a longer context in the server's settings."


class Refusals:
    """Sentences about one server. The key never stands in one, even if the server repeats it."""

    def __init__(self, address: Address, key: str) -> None:
        self._place = address.place
        self._model = address.model
        self._url = address.url
        self._key = key

    def told(self, error: BaseException) -> BaseException:
        """The error as one of ours; Cancelled, and errors that are ours already, stay what they are."""
        if isinstance(error, ComposerError | Cancelled):
            return error
        if isinstance(error, openai.APIStatusError):
            return self._status(error)
        if isinstance(error, openai.APIConnectionError):
            return self._connection(error.__cause__ or error)
        if isinstance(error, httpx2.HTTPError | ssl.SSLError | OSError):
            return self._connection(error)
        if isinstance(error, openai.APIError):  # told in the middle of a stream
            return self._words_of(error) or self._failed(self._said(error))
        if isinstance(error, ValueError | RecursionError):  # no JSON, or no text
            return self.nonsense()
        return ModelFailed(f"The model server {self._place} could not be asked ({type(error).__name__}).", "Try again.")

    def silent(self) -> ModelFailed:
        return ModelFailed(
            f"The model server {self._place} has said nothing for too long.",
            "Look whether it still works, restart it, or choose a smaller model.",
        )

    def nonsense(self) -> ModelFailed:
        return ModelFailed(
            f"What {self._place} answered is not what a model server says.",
            f"Check the address {self._url}: it usually ends in /v1.",
        )

    def broken(self) -> ModelFailed:
        return ModelFailed(
            f"The model server {self._place} ended its answer in the middle.",
            "Look whether it still runs and has enough memory, then try again.",
        )

    def check_stream(self, content_type: str) -> None:
        """Raise ModelFailed unless an answer is the stream that was asked for."""
        if content_type.partition(";")[0].strip().lower() != "text/event-stream":
            raise self.nonsense()

    def unknown_model(self, names: list[str]) -> ModelNotReady:
        shown = ", ".join(names[:12]) + (" and more" if len(names) > 12 else "")
        if not names:
            return ModelNotReady(f"The model server {self._place} has no model.", "Load or pull one there first.")
        if not self._model:
            return ModelNotReady(
                f"The model server {self._place} has several models: {shown}.",
                f"Name one of them in the settings: server:{self._url}#{names[0]}",
            )
        return ModelNotReady(f"The model server {self._place} has no model {self._model!r}.", f"It has: {shown}.")

    def _connection(self, error: BaseException) -> ComposerError:
        chain = list(_chain(error))
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in chain):
            return ModelNotReady(
                f"The certificate of {self._place} is not one that this machine trusts, so nothing was sent.",
                "Give the server a certificate that this machine trusts.",
            )
        if any(isinstance(each, ConnectionRefusedError) for each in chain):
            return ModelNotReady(
                f"No model server is running at {self._place}.",
                "Start it (Ollama, LM Studio, llama-server, vLLM), or correct the address in the settings.",
            )
        if isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError):
            return ModelNotReady(
                f"The model server {self._place} cannot be reached.",
                "Check the address, whether that machine is switched on, and its firewall.",
            )
        return self.silent() if isinstance(error, httpx2.TimeoutException) else self.broken()

    def _status(self, error: openai.APIStatusError) -> ComposerError:
        status = error.status_code
        if 300 <= status < 400:
            return ModelNotReady(
                f"The model server {self._place} sends its callers elsewhere; Pictorial does not follow.",
                "Set the address that it really has.",
            )
        if status in {401, 403}:
            return ModelNotReady(
                f"The model server {self._place} asks for a key.",
                "Put the key into the environment variable PICTORIAL_SERVER_KEY and start Pictorial again.",
            )
        if (told := self._words_of(error)) is not None:
            return told
        if status in {404, 405}:
            return ModelNotReady(
                f"{self._place} has no model {self._model!r}, or no such API at {self._url}: {self._said(error)}", FORM
            )
        if status in {429, 503}:
            return ModelFailed(
                f"The model server {self._place} is busy or still loading its model: {self._said(error)}",
                "Try again in a minute.",
            )
        return self._failed(self._said(error), status)

    def _words_of(self, error: openai.APIError) -> ModelFailed | None:
        """A refusal of a prompt that is too long, if that is what it is."""
        words = self._said(error)
        body = _inner(error.body)
        too_long = body.get("type") == "exceed_context_size_error" or getattr(error, "status_code", 0) == 413
        if not too_long and not (CONTEXT.search(words) and "token" in words.lower()):
            return None
        prompt = body.get("n_prompt_tokens") or _number(PROMPT_TOKENS, words)
        holds = body.get("n_ctx") or _number(LIMIT, words)
        if isinstance(prompt, int) and isinstance(holds, int):
            return too_many(prompt, holds)
        return ModelFailed(f"The prompt is too long for the model server {self._place}: {words}", SHORTEN)

    def _failed(self, words: str, status: int = 0) -> ModelFailed:
        code = f" (HTTP {status})" if status else ""
        return ModelFailed(
            f"The model server {self._place} failed{code}: {words}", "Look into its log, try again, or restart it."
        )

    def _said(self, error: openai.APIError) -> str:
        """The server's own words as the end of a sentence of ours, without its markup and without the key."""
        body = _inner(error.body)
        words = body.get("message") or body.get("detail") or body.get("error") or ""
        if not isinstance(words, str) or not words:
            words = error.body if isinstance(error.body, str) else ""
        if self._key:
            words = words.replace(self._key, "…")
        words = " ".join(re.sub(r"<[^>]*>", " ", words).split())
        words = "".join(letter for letter in words if letter.isprintable())
        return (words[:LONGEST_WORDS].rstrip(". ") or "no reason was given") + "."


def is_refusal(error: ComposerError, statuses: Container[int] = range(400, 600)) -> bool:
    """Whether the server said no to something in the request that it cannot do, such as a picture or a schema."""
    cause = error.__cause__
    return isinstance(cause, openai.APIStatusError) and cause.status_code in statuses and error.hint != SHORTEN


def too_many(prompt: int, holds: int, answer: int = 0, about: str = "") -> ModelFailed:
    """`prompt` and `answer` in tokens, against a context of `holds`; `about` is "about " when they are estimated."""
    more = f" and the answer {answer}" if answer else ""
    return ModelFailed(
        f"The prompt has {about}{prompt} tokens{more}; the model server holds {holds}.",
        SHORTEN,
    )


def _inner(body: object) -> dict[str, Any]:
    if isinstance(body, dict):
        inner = body.get("error")
        return inner if isinstance(inner, dict) else body
    return {}


def _number(pattern: re.Pattern[str], words: str) -> int | None:
    found = pattern.search(words)
    return next((int(each) for each in found.groups() if each), None) if found else None


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    below: BaseException | None = error
    while below is not None and below not in chain:
        chain.append(below)
        below = below.__cause__ or below.__context__
    return chain
