"""The whole job as one generator: Brief -> Outline -> Article -> Slots -> Candidates -> Scores -> Picks.

Each stage's inputs are hashed. A stage whose inputs are those of the last run is not run again, so that a composition
that was cut short goes on where it stopped, and after an edit only what the edit touches is done anew.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from composer import prose
from composer.choosing import LATER, Chooser
from composer.draft import fold, order_of
from composer.errors import BadBrief, LibraryError, ModelFailed
from composer.explanation import kept_weights
from composer.library.filling.embed import embed, embed_captions
from composer.library.filling.scan import scan
from composer.ports import Cancel, Ids, Prompt, Writer
from composer.revision import hashed, joined, kept
from composer.shots import shot_for
from composer.stages import caption as captions
from composer.stages import places
from composer.stages.assign import assign
from composer.stages.kinds import kind_of
from composer.stages.outline import outline
from composer.stages.plan import block_of, mark_of, plan, replan
from composer.stages.write import write
from composer.tools import Tools
from composer.types import (
    LONGEST,
    MOST_PICTURES,
    OPENING,
    SHORTEST,
    AnyEvent,
    Article,
    ArticleReady,
    Block,
    Brief,
    Candidate,
    CandidatesReady,
    Composed,
    Composition,
    ModelsChosen,
    Notice,
    Outline,
    OutlineReady,
    Pick,
    Picked,
    SignalName,
    Slot,
    SlotsPlanned,
    Speed,
    StageFinished,
    StageName,
    StageProgress,
    StageStarted,
    WeightsChosen,
)

T = TypeVar("T")

HINTS = 12
"""Library pictures shown to the writer when it plans the text: about 150 tokens of prompt."""
HINT_WORDS = 7
SAMENESS = 0.05
"""What a hint loses for each earlier one that it shares a word with; final scores are 0 to 1."""
ANCHOR_WORDS = 45
NOTICED_FILES = 5


def check(brief: Brief) -> None:
    """Raises BadBrief with one sentence when the brief cannot be written."""
    if not brief.topic.strip():
        raise BadBrief("The brief is empty.", "Say in a few words what the article is about.")
    unit = "words" if brief.language == "en" else "characters"
    if not SHORTEST <= brief.length <= LONGEST:
        raise BadBrief(
            f"A length of {brief.length} {unit} is out of range.", f"Choose between {SHORTEST} and {LONGEST} {unit}."
        )
    if brief.pictures is not None and not 0 <= brief.pictures <= MOST_PICTURES:
        raise BadBrief(f"{brief.pictures} pictures are out of range.", f"Choose between 0 and {MOST_PICTURES}.")


def compose(
    brief: Brief, started: Composition | None, tools: Tools, cancel: Cancel
) -> Generator[AnyEvent, None, Composition]:
    """Compose, telling everything as it happens; returns the finished composition.

    `started` is what an earlier run left; its finished stages are kept where their inputs are still the same.
    Raises BadBrief, LibraryError, ModelNotReady or ModelFailed with a sentence for the writer; Cancelled on request.
    What was told before the exception stays valid: fold the events to keep it.
    """
    check(brief)
    run = _Run(brief, replace(started or Composition(brief=brief), brief=brief), tools, cancel)
    for event in run.events():
        run.draft = fold(run.draft, event)
        yield event
    yield Composed(run.draft)
    return run.draft


def illustrate(draft: Composition, tools: Tools, cancel: Cancel) -> Generator[AnyEvent, None, Composition]:
    """Places and pictures for a text that is there, from whatever hand: the stages after writing.

    The draft has an outline and an article, the brief's folders are in the catalogue with vectors. Only what is not
    known from an earlier run of the same draft is done. Raises as `compose` does.
    """
    run = _Run(draft.brief, draft, tools, cancel, tools.catalogue.rows(draft.brief.libraries))
    for event in run.pictures():
        run.draft = fold(run.draft, event)
        yield event
    return run.draft


@dataclass
class _Run:
    brief: Brief
    draft: Composition
    tools: Tools
    cancel: Cancel
    rows: Ids | None = None
    tokens: int = 0
    chooser: Chooser = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.draft
        self.chooser = Chooser(self.tools, self.brief, self.cancel)

    def events(self) -> Iterator[AnyEvent]:
        yield from self._index()
        yield from self._outline()
        yield from self._write()
        yield from self.pictures()

    def pictures(self) -> Iterator[AnyEvent]:
        """Places and pictures for the text that is there."""
        yield from self._plan()
        yield from self._retrieve()
        yield from self._rank()
        yield from self._assign()
        yield from self._caption()

    # --- one method a stage: its inputs, what it yields, when it is skipped

    def _index(self) -> Iterator[AnyEvent]:
        """Bring the catalogue up to date with the brief's folders, and give every picture a vector."""
        yield StageStarted("index")
        start, catalogue = time.monotonic(), self.tools.catalogue
        for folder in self.brief.libraries:
            for step in scan(catalogue, Path(folder), self.cancel):
                yield from _told("index", step.done, step.total, start, step.notice)
        if self.brief.libraries:
            for step in embed(catalogue, self.brief.libraries, self.tools.encoder, self.cancel):
                yield from _told("index", step.done, step.total, start, step.notice)
            for step in embed_captions(catalogue, self.brief.libraries, self.tools.encoder, self.cancel):
                yield from _told("index", step.done, step.total, start, step.notice)
            for search in (self.tools.search, self.tools.captions):
                for done, total in search.follow(self.cancel):
                    yield from _told("index", done, total, start, "")
            yield from self._library_notices()
        yield StageFinished("index", time.monotonic() - start)

    def _library_notices(self) -> Iterator[AnyEvent]:
        self.rows = self.tools.catalogue.rows(self.brief.libraries)
        skipped = [file for folder in self.brief.libraries for file in self.tools.catalogue.skipped(folder)]
        for file in skipped[:NOTICED_FILES]:
            yield Notice(f"{Path(file.path).name} is not used: {file.reason}.".replace("..", "."))
        if len(skipped) > NOTICED_FILES:
            yield Notice(f"{len(skipped) - NOTICED_FILES} more files are not used.", "`library stats` lists them all.")
        if not len(self.rows):
            raise LibraryError(
                "There is no usable picture in the chosen folders.",
                "Choose a folder with JPEG, PNG, WebP, TIFF, GIF, AVIF or HEIC pictures, or compose without a folder.",
            )

    def _outline(self) -> Iterator[AnyEvent]:
        # Not the folders: with other pictures the text that is there stays, and only its pictures are chosen again.
        inputs = hashed(self.brief.topic, self.brief.notes, self.brief.audience, self.brief.language, self.brief.length,
                       self.brief.seed, self.tools.writer_id)  # fmt: skip
        if self._unchanged("outline", inputs, self.draft.outline):
            yield StageFinished("outline", 0.0, inputs, reused=True)
            return
        yield StageStarted("outline")
        start = time.monotonic()
        writer = self.tools.writer()
        yield ModelsChosen({**self.draft.models, "writer": writer.id})
        if self.brief.language not in writer.capabilities.languages:
            yield Notice("This writer was not made for the language asked for.", "Choose another writer for good text.")
        if not writer.capabilities.instructed:
            yield Notice(
                "This writer was not tuned to follow instructions: it only goes on with texts.",
                "Choose a chat or instruct model for good text.",
            )
        stage = outline(self.brief, self._hints(), self._longest(), self._counting(writer), self.cancel)
        made = yield from _progress(stage, "outline", start)
        self.draft = replace(self.draft, article=None, slots=None, candidates={}, picks={})
        yield OutlineReady(made)
        yield StageFinished("outline", time.monotonic() - start, inputs)

    def _write(self) -> Iterator[AnyEvent]:
        assert self.draft.outline is not None  # noqa: S101 - the stage before made it
        inputs = hashed(self.draft.outline, replace(self.brief, libraries=(), pictures=None))
        if self._unchanged("write", inputs, self.draft.article):
            yield StageFinished("write", 0.0, inputs, reused=True)
            return
        yield StageStarted("write")
        start, before = time.monotonic(), self.draft.speed
        self.tokens = 0
        stage = write(
            self.brief, self.draft.outline, self.draft.article, self._longest(),
            self._counting(self.tools.writer()), self.cancel,
        )  # fmt: skip
        article = yield from _timed(stage, start)
        seconds = time.monotonic() - start
        if not prose.article_length(article, self.brief.language):
            raise ModelFailed("The writer answered with nothing that can be used.", "Try another seed or writer.")
        yield ArticleReady(article, Speed(before.tokens + self.tokens, before.seconds + seconds))
        yield StageFinished("write", seconds, inputs)

    def _plan(self) -> Iterator[AnyEvent]:
        assert self.draft.article is not None  # noqa: S101 - as above
        common = hashed(self.brief.pictures, self.brief.libraries, self.brief.seed)
        inputs = joined(common, [hashed(self.draft.article)])
        if self._unchanged("plan", inputs, self.draft.slots):
            yield StageFinished("plan", 0.0, inputs, reused=True)
            return
        yield StageStarted("plan")
        start = time.monotonic()
        revised = self.started.slots is not None and self.started.inputs.get("plan", "").startswith(f"{common}:")
        if self.rows is not None and self.brief.pictures != 0:
            slots, picks = yield from (self._replanned(start) if revised else self._planned(start))
        else:
            slots, picks = _with_own((), self.draft)
            if self.brief.pictures != 0:
                yield Notice(
                    "No picture folder was chosen, so the article has no pictures.", "Add a folder to the brief."
                )
        yield SlotsPlanned(tuple(map(self._read, slots)))
        for pick in picks:
            yield Picked(pick)
        yield StageFinished("plan", time.monotonic() - start, inputs)

    def _planned(self, start: float) -> Generator[AnyEvent, None, tuple[tuple[Slot, ...], tuple[Pick, ...]]]:
        outline, article = self._text()
        afters, likely = self._likely()
        chosen = [afters[place] for place in places.choose(likely, self.brief.pictures)]
        subjects = self.chooser.subjects(article, outline)
        stage = plan(self.brief, outline, article, chosen, subjects, self.tools.writer(), self.cancel)
        return _with_own((yield from _progress(stage, "plan", start)), self.draft)

    def _text(self) -> tuple[Outline, Article]:
        assert self.draft.outline is not None  # noqa: S101 - the stages before made them
        assert self.draft.article is not None  # noqa: S101 - as above
        return self.draft.outline, self.draft.article

    def _likely(self) -> tuple[list[str], places.Numbers]:
        """All places that a picture can have, as `Slot.after` names them, and the chance of one at each."""
        outline, article = self._text()
        blocks = [block for block in article.blocks if block.kind == "paragraph" and block.text.strip()]
        if not blocks:
            return [], places.chances(places.seen([], self.brief.language), {})
        evidence = self.chooser.evidence(article, outline)
        text = places.seen([places.Passage(block.text, block.section) for block in blocks], self.brief.language)
        weights = places.shipped() if self.tools.places is None else self.tools.places
        anchored = [at for at, block in enumerate(blocks) if _opens(blocks, at) and _anchor(outline, block)]
        likely = places.chances(text, weights, [evidence[block.id] for block in blocks], anchored)
        return [OPENING, *(block.id for block in blocks)], likely

    def _more(self, taken: Collection[str], count: int) -> list[str]:
        """`count` likely places besides those taken, away from them where there is a choice."""
        afters, likely = self._likely()
        chosen = {place for place, after in enumerate(afters) if after in taken}
        added: list[str] = []
        while len(added) < count and len(chosen) < len(afters):
            free = (place for place in range(len(afters)) if place not in chosen)
            best = max(free, key=lambda at: (not {at - 1, at + 1} & chosen, likely[at], -at))
            chosen.add(best)
            added.append(afters[best])
        return added

    def _replanned(self, start: float) -> Generator[AnyEvent, None, tuple[tuple[Slot, ...], tuple[Pick, ...]]]:
        """The plan after an edit. What the writer decided or made stays with its paragraph, whatever became of that."""
        outline, article = self._text()
        decided = {slot for slot, pick in self.draft.picks.items() if pick.by == "writer"}
        order = order_of(article)
        before = self.draft.slots or ()
        own = [slot for slot in before if slot.id in decided or slot.origin == "writer"]
        slots = [slot for slot in before if slot.after in order or slot not in own]
        settled = [
            replace(slot, read=mark_of(block_of(slot.after, article))) if slot in own else slot for slot in slots
        ]
        stage = replan(
            self.brief, outline, article, settled, self._more, lambda: self.chooser.subjects(article, outline),
            self.tools.writer, self.cancel,
        )  # fmt: skip
        planned = yield from _progress(stage, "plan", start)
        made = tuple(replace(slot, id=f"s{at + 1}") for at, slot in enumerate(planned))
        picks = [
            replace(self.draft.picks[before.id], slot=slot.id)
            for before, slot in zip(planned, made, strict=True)
            if before.id in decided
        ]
        return made, tuple(picks)

    def _read(self, slot: Slot) -> Slot:
        """What follows from the slot's words: its kind and the sentence that it is about."""
        if slot.origin == "writer" and slot.sentence:
            return slot
        text, language = self._text_of(slot), self.brief.language
        kind = kind_of(slot.caption, slot.query, text, language, opening=slot.after == OPENING)
        return replace(slot, kind=kind, sentence=prose.sentence_of(text, (slot.caption, slot.query), language))

    def _retrieve(self) -> Iterator[AnyEvent]:
        slots = self.draft.slots or ()
        common = hashed(self.tools.catalogue.version(), self.tools.encoder.id, self.tools.candidates)
        marks = [hashed(slot.query, slot.wider, slot.caption, slot.kind, self._text_of(slot)) for slot in slots]
        inputs = joined(common, marks)
        if self._unchanged("retrieve", inputs, len(self.draft.candidates) == len(slots) or None):
            yield StageFinished("retrieve", 0.0, inputs, reused=True)
            return
        yield StageStarted("retrieve")
        start, known = time.monotonic(), kept(self.started, "retrieve", common)
        yield ModelsChosen({**self.draft.models, "encoder": self.tools.encoder.id})
        fresh = [slot for slot, mark in zip(slots, marks, strict=True) if mark not in known]
        aims = iter(self.chooser.aims(slots, self._text()[1], fresh))
        for place, (slot, mark) in enumerate(zip(slots, marks, strict=True)):
            self.cancel.check()
            found = known[mark] if mark in known else self.chooser.shortlist(next(aims), self.tools.candidates)
            yield CandidatesReady(slot.id, found)
            yield StageProgress("retrieve", place + 1, len(slots))
        yield StageFinished("retrieve", time.monotonic() - start, inputs)

    def _rank(self) -> Iterator[AnyEvent]:
        slots, reranker = self.draft.slots or (), self.tools.judge
        common = hashed(reranker.id if reranker else "", self.tools.weights)
        marks = [
            hashed(self.chooser.asked_of(slot, self._text_of(slot), reranker), self._to_rank(slot)) for slot in slots
        ]
        inputs = joined(common, marks)
        if self._unchanged("rank", inputs, True):
            yield StageFinished("rank", 0.0, inputs, reused=True)
            return
        yield StageStarted("rank")
        start, known = time.monotonic(), kept(self.started, "rank", common)
        if reranker is not None:
            yield ModelsChosen({**self.draft.models, "reranker": reranker.id})
        for place, (slot, mark) in enumerate(zip(slots, marks, strict=True)):
            self.cancel.check()
            found = self.draft.candidates.get(slot.id, ())
            ranked = known[mark] if mark in known else self.chooser.ranked(slot, self._text_of(slot), found)
            yield CandidatesReady(slot.id, ranked)
            if reranker is not None:
                yield from map(Notice, reranker.notices())
            yield StageProgress("rank", place + 1, len(slots), _left(start, place + 1, len(slots)))
        yield StageFinished("rank", time.monotonic() - start, inputs)

    def _to_rank(self, slot: Slot) -> list[tuple[str, dict[SignalName, float]]]:
        """Sorted, and without what comes after retrieval: its results are no new input."""
        found = self.draft.candidates.get(slot.id, ())
        return sorted(
            (each.picture.id, {name: value for name, value in each.signals.items() if name not in LATER})
            for each in found
        )

    def _assign(self) -> Iterator[AnyEvent]:
        yield StageStarted("assign")
        start, slots = time.monotonic(), self.draft.slots or ()
        yield self._deciding()
        for slot, found in self.chooser.together(self.draft.candidates).items():
            if found != self.draft.candidates[slot]:
                yield CandidatesReady(slot, found)
        known = {slot.id: slot for slot in slots}
        mine = {slot: pick for slot, pick in self.draft.picks.items() if pick.by == "writer" and slot in known}
        for pick in assign(slots, self.draft.candidates, self.tools.empty_below, mine):
            yield Picked(self._as_it_was(pick) if pick.picture else replace(pick, shot=self._shot(known[pick.slot])))
        yield StageFinished("assign", time.monotonic() - start, hashed(slots, self.draft.candidates))

    def _deciding(self) -> WeightsChosen:
        return WeightsChosen(kept_weights(self.tools.weights), self.tools.empty_below)

    def _as_it_was(self, pick: Pick) -> Pick:
        """A picture that was in the article before keeps what was worded for it, until `_caption` has looked at it."""
        before = {each.picture.id: each for each in self.started.picks.values() if each.picture}
        known = before.get(pick.picture.id) if pick.picture else None
        return replace(pick, caption=pick.caption or known.caption, alt=pick.alt or known.alt) if known else pick

    def _shot(self, slot: Slot) -> str:
        return shot_for(slot, self._text_of(slot), self.brief.language)

    def _caption(self) -> Iterator[AnyEvent]:
        """Words for the pictures that were chosen; those that stood there before keep theirs."""
        slots, picks, article = self.draft.slots or (), self.draft.picks, self._text()[1]
        worded = captions.marks(slots, picks, article, self.brief.language)
        common = hashed(self.tools.writer_id, self.tools.judge.id if self.tools.judge else "")
        inputs = joined(common, worded)
        # The mark of the run before: this run lost its own when `_assign` started, and what was worded came back there.
        if self.started.inputs.get("caption") == inputs:
            yield StageFinished("caption", 0.0, inputs, reused=True)
            return
        yield StageStarted("caption")
        start = time.monotonic()
        before, _, own = self.started.inputs.get("caption", "").partition(":")
        done = set(own.split(",")) if before == common else set[str]()
        fresh = [slot for slot, mark in zip(slots, worded, strict=True) if mark not in done]
        stage = captions.caption(
            fresh, picks, article, self.brief, self.tools.writer, self.tools.judge, self.cancel
        )  # fmt: skip
        for pick in (yield from _progress(stage, "caption", start)):
            if pick != picks.get(pick.slot):
                yield Picked(pick)
        yield StageFinished("caption", time.monotonic() - start, inputs)

    # --- what the stages are given

    def _unchanged(self, stage: StageName, inputs: str, result: object) -> bool:
        return result is not None and self.draft.inputs.get(stage) == inputs

    def _longest(self) -> int:
        return self.tools.longest_passage(self.brief.language)

    def _counting(self, writer: Writer) -> Writer:
        return _Counting(writer, self)

    def _hints(self) -> dict[str, str]:
        """Library pictures on the topic: short name -> what its caption says, best first, near-duplicates once.

        The topic is treated as a slot: the pictures that would win it are those that the article can be about.
        """
        if self.rows is None:
            return {}
        topic = self.chooser.twins.of(f"{self.brief.topic}. {self.brief.notes}".strip(". "), self.brief.language)
        slot = Slot(id="topic", after="", caption=topic, query=topic)
        aim = self.chooser.aims([slot], Article(topic, ()), [slot])[0]
        ranked = self.chooser.ranked(slot, topic, self.chooser.shortlist(aim, HINTS * 2))
        fitting = [candidate for candidate in ranked if candidate.final >= self.tools.empty_below]
        return _varied(fitting, HINTS)

    def _text_of(self, slot: Slot) -> str:
        return block_of(slot.after, self.draft.article).text if self.draft.article else ""


def _opens(blocks: Sequence[Block], at: int) -> bool:
    """Whether it is the first of its section."""
    return at == 0 or blocks[at - 1].section != blocks[at].section


def _anchor(outline: Outline, block: Block) -> str:
    """The picture that the block's section was planned around, in words."""
    return outline.sections[block.section].anchor if block.section < len(outline.sections) else ""


def _varied(candidates: Sequence[Candidate], count: int) -> dict[str, str]:
    """Short name and caption of the best candidates, many of one kind counting less and less.

    Greedy, after maximal marginal relevance (Carbonell and Goldstein 1998): every word that a name shares with one
    already taken costs it a little, so that "castles and windmills" is not answered with windmills alone.
    """
    left = {prose.subject_of(each.picture.caption, HINT_WORDS): each for each in reversed(candidates)}
    left.pop("", None)
    hints: dict[str, str] = {}
    taken: Counter[str] = Counter()

    def worth(name: str) -> float:
        return left[name].final - SAMENESS * max((taken[word] for word in prose.content_words(name)), default=0)

    while left and len(hints) < count:
        name = max(reversed(left), key=worth)
        hints[name] = prose.cut_words(left.pop(name).picture.caption, ANCHOR_WORDS, "en")
        taken.update(prose.content_words(name))
    return hints


class _Counting:
    """A writer whose tokens are counted on the way."""

    def __init__(self, writer: Writer, run: _Run) -> None:
        self._writer = writer
        self._run = run
        self.id, self.capabilities = writer.id, writer.capabilities

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Any]:
        for piece in self._writer.generate(prompt, cancel):
            self._run.tokens += piece.tokens
            yield piece

    def count_tokens(self, text: str) -> int:
        return self._writer.count_tokens(text)

    def close(self) -> None:
        self._writer.close()


def _with_own(planned: tuple[Slot, ...], draft: Composition) -> tuple[tuple[Slot, ...], tuple[Pick, ...]]:
    """The new slots with those that the writer chose a picture for, or made, in the place of the nearest new ones.

    A slot goes with its paragraph; the number of slots stays as planned, unless the writer made more. One of which the
    writer only worded the caption stays as well, unless no pictures are wanted.
    """
    place = order_of(draft.article)
    decided = {slot for slot, pick in draft.picks.items() if pick.by == "writer"}
    worded = {slot.id for slot in draft.slots or () if slot.worded and planned}
    own = [slot for slot in draft.slots or () if slot.id in decided | worded or slot.origin == "writer"]
    own = [slot for slot in own if slot.after in place]
    free = list(planned)
    for slot in own[: len(planned)]:
        free.remove(min(free, key=lambda each: abs(place[each.after] - place[slot.after])))
    joined = sorted([*free, *own], key=lambda slot: place[slot.after])
    slots = tuple(replace(slot, id=f"s{at + 1}") for at, slot in enumerate(joined))
    picks = tuple(
        replace(draft.picks[before.id], slot=slot.id)
        for before, slot in zip(joined, slots, strict=True)
        if before in own and before.id in decided
    )
    return slots, picks


def _progress(stage: Generator[float, None, T], name: StageName, start: float) -> Generator[AnyEvent, None, T]:
    """A stage that yields its share done, as events."""
    while True:
        try:
            share = next(stage)
        except StopIteration as end:
            return end.value
        yield StageProgress(name, share, 1.0, _left(start, share, 1.0))


def _timed(stage: Generator[Any, None, T], start: float) -> Generator[Any, None, T]:
    """The stage's own events, progress with the time left filled in."""
    while True:
        try:
            event = next(stage)
        except StopIteration as end:
            return end.value
        if isinstance(event, StageProgress):
            event = replace(event, seconds_left=_left(start, event.done, event.total))
        yield event


def _told(stage: StageName, done: int, total: int, start: float, notice: str) -> Iterator[AnyEvent]:
    yield StageProgress(stage, done, total, _left(start, done, total))
    if notice:
        yield Notice(notice)


def _left(start: float, done: float, total: float) -> float | None:
    """Seconds left at the pace so far; None while too little is done to say."""
    if done <= 0 or total <= 0 or done / total < 0.03:
        return None
    return (time.monotonic() - start) * (total - done) / done
