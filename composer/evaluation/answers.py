"""What the writer answered, kept in a file: a run that goes on, or is run again, asks it nothing twice.

Answers are found by the writer's id and the whole prompt, so one that was given to an older program stands for a newer
one that asks the same. How long it took is kept as well, and is charged to whoever uses the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from composer.errors import ComposerError
from composer.ports import Cancel, Capabilities, Piece, Prompt, Writer
from composer.revision import hashed


class Answer(Struct, frozen=True, kw_only=True):
    """One line of the file."""

    key: str
    text: str
    tokens: int
    seconds: float


class Answers:
    """Makes writers that remember: in the place of `Tools.writer`, which it calls when the first is wanted."""

    def __init__(self, file: Path, writer: Callable[[], Writer]) -> None:
        self._file, self._make = file, writer
        self._known = {answer.key: answer for answer in _read(file)}
        self.saved = 0.0
        """Seconds that kept answers took when they were made: what the clocks of this run did not see pass."""

    def __call__(self) -> Writer:
        return _Remembering(self._make(), self)

    def find(self, key: str) -> Answer | None:
        answer = self._known.get(key)
        self.saved += answer.seconds if answer else 0.0
        return answer

    def keep(self, answer: Answer) -> None:
        """Raises ComposerError when it cannot be saved."""
        self._known[answer.key] = answer
        try:
            with self._file.open("ab") as out:
                out.write(msgspec.json.encode(answer) + b"\n")
        except OSError as error:
            raise ComposerError(
                f"{self._file} cannot be written: {(error.strerror or str(error)).lower()}.", "Free some space."
            ) from error


class _Remembering:
    """A writer that is asked only what it was not asked before."""

    def __init__(self, writer: Writer, answers: Answers) -> None:
        self._writer, self._answers = writer, answers

    @property
    def id(self) -> str:
        return self._writer.id

    @property
    def capabilities(self) -> Capabilities:
        return self._writer.capabilities

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        cancel.check()
        key = hashed(self.id, prompt)
        known = self._answers.find(key)
        if known is not None:
            yield Piece(known.text, known.tokens)
            return
        start, text, tokens = time.monotonic(), "", 0
        for piece in self._writer.generate(prompt, cancel):
            text, tokens = text + piece.text, tokens + piece.tokens
            yield piece
        self._answers.keep(Answer(key=key, text=text, tokens=tokens, seconds=time.monotonic() - start))

    def count_tokens(self, text: str) -> int:
        return self._writer.count_tokens(text)

    def close(self) -> None:
        self._writer.close()


def _read(file: Path) -> Iterator[Answer]:
    """Whole lines; one that was cut short is asked for again."""
    lines = file.read_bytes().splitlines() if file.exists() else []
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=Answer)
        except msgspec.MsgspecError:
            continue
