"""A desk's own gold: what writers did with the pictures that the program proposed, kept on this machine alone.

One act a line, JSON, in `PICTORIAL_HOME/choices`; the newer part in choices.jsonl, the older in earlier.jsonl. Written
by the engine, and only while the setting `record_choices` is on.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from composer import settings
from composer.acts import Act, Considered
from composer.errors import ComposerError
from composer.evaluation.nouns import Example
from composer.home import home
from composer.types import Candidate, Language, Picture

FILE, EARLIER = "choices.jsonl", "earlier.jsonl"
MOST_BYTES = 8 * 1024 * 1024
"""Of each of the two files."""
_writing = threading.Lock()


class _Line(Struct, frozen=True):
    at: float
    """Seconds since 1970."""
    act: Act


class Decision(Struct, frozen=True, kw_only=True):
    """One place of one article with the last word that was said on it."""

    article: str
    language: Language
    title: str
    heading: str
    before: str
    after: str
    caption: str
    query: str
    tone: str
    place: int
    blocks: int
    candidates: tuple[Considered, ...]
    """Best first, as the program had them; a picture that the writer brought has no scores."""
    chosen: str | None
    """Id of the picture; None: better none than any of these."""
    rejected: tuple[str, ...]
    """Ids of pictures that stood there and were taken away."""
    by: Literal["program", "writer"]
    """By the program: proposed, and left to stand at an export; it was good enough, not necessarily best."""
    models: dict[str, str]


_decoder = msgspec.json.Decoder(_Line)


def folder() -> Path:
    """Where acts are kept. It is not made by asking."""
    return home() / "choices"


def record(acts: Sequence[Act]) -> int:
    """Keep acts, if the settings let it; returns how many were kept. Raises ComposerError when the disk does not.

    A file that has become too large takes the place of the one before it, which is deleted.
    """
    if not acts or not settings.load().record_choices:
        return 0
    now = time.time()
    data = b"".join(msgspec.json.encode(_Line(now, act)) + b"\n" for act in acts)
    place = folder()
    try:
        with _writing:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_room(place, len(data))
            _append(place / FILE, data)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ComposerError(f"Choices could not be kept: {reason}.", "Make room, or turn that off.") from error
    return len(acts)


def forget() -> int:
    """Delete all that was kept; returns the bytes freed. Raises ComposerError for what cannot be deleted."""
    freed = 0
    with _writing:
        for name in (FILE, EARLIER):
            path = folder() / name
            try:
                size = path.stat().st_size
                path.unlink()
                freed += size
            except FileNotFoundError:
                continue
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise ComposerError(f"{path} could not be deleted: {reason}.", "Delete it yourself.") from error
        with contextlib.suppress(OSError):
            folder().rmdir()
    return freed


def acts(place: Path) -> Iterator[Act]:
    """What was kept in a folder, the oldest first. Lines that cannot be read (cut short, another version's) are left
    out."""
    for name in (EARLIER, FILE):
        try:
            with (place / name).open("rb") as file:
                for line in file:
                    with contextlib.suppress(msgspec.DecodeError, RecursionError):
                        yield _decoder.decode(line).act
        except FileNotFoundError:
            continue


def as_gold(place: Path) -> tuple[Decision, ...]:
    """One decision for each slot of each article, by the last act there; in the order in which slots were first seen.

    A slot that the writer made and emptied again is none: nothing was proposed there. Nor is one without candidates.
    """
    by_slot: dict[tuple[str, str], list[Act]] = {}
    for act in acts(place):
        by_slot.setdefault((act.article, act.slot.id), []).append(act)
    return tuple(
        _decision(known)
        for known in by_slot.values()
        if known[-1].candidates and not (known[-1].now is None and known[-1].slot.origin == "writer")
    )


def as_examples(decisions: Sequence[Decision], encoder: str, reranker: str) -> tuple[Example, ...]:
    """To fit weights on: decisions whose candidates were measured by these models, named by their ids; "" where there
    is none.

    An article that no re-ranker had looked at counts as well: what was not measured says nothing. What another
    re-ranker said is left out.
    """
    return tuple(
        Example(
            group=each.article,
            candidates=tuple(_candidate(one, each, reranker) for one in each.candidates),
            right=each.chosen,
        )
        for each in decisions
        if each.models.get("encoder") == encoder
    )


def _candidate(known: Considered, decision: Decision, reranker: str) -> Candidate:
    """As far as it was kept: its scores, not the picture."""
    signals = dict(known.signals)
    if decision.models.get("reranker", "") != reranker or not reranker:
        signals.pop("rerank", None)
    picture = Picture(id=known.id, path="", width=0, height=0, group=known.group)
    return Candidate(picture=picture, signals=signals, final=known.final)


def _decision(known: Sequence[Act]) -> Decision:
    last = known[-1]
    gone = dict.fromkeys(act.was for act in known if act.was is not None and act.was != last.now)
    return Decision(
        article=last.article, language=last.language, title=last.title, heading=last.heading, before=last.before,
        after=last.after, caption=last.slot.caption, query=last.slot.query, tone=last.slot.tone, place=last.place,
        blocks=last.blocks, candidates=last.candidates, chosen=last.now, rejected=tuple(gone), by=last.by,
        models=last.models,
    )  # fmt: skip


def _make_room(place: Path, more: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        if (place / FILE).stat().st_size + more > MOST_BYTES:
            os.replace(place / FILE, place / EARLIER)


def _append(path: Path, data: bytes) -> None:
    """In one write at the end, readable by its owner only: two engines do not cut each other's lines.

    A line that an earlier crash cut short is ended first, so that it spoils none but itself.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, data if _whole(path) else b"\n" + data)
    finally:
        os.close(handle)


def _whole(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
