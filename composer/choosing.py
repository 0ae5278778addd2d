"""Choosing: what is looked for at a place, which pictures are found, and how well each fits there.

Slot -> Aim (the texts that it is searched with, as vectors) -> rankings, fused into a short list -> signals of each
candidate -> re-ranker -> signals that the other places give -> one score. docs/choosing.md says what each signal is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from composer import prose
from composer.library.finding.search import by_words
from composer.library.finding.traits import traits
from composer.ports import Cancel, Ids, Reranker, Vectors
from composer.stages import signals
from composer.stages.plan import Subjects, block_of
from composer.stages.rank import final_score, rank
from composer.stages.retrieve import Ranking, shortlist
from composer.stages.series import resemblance
from composer.tools import Tools
from composer.twins import Twins
from composer.types import Article, Brief, Candidate, Outline, Picture, SignalName, Slot

DEPTH = 40
"""How far down each ranking the short list looks."""
CAPTIONS_WEIGHT = 2.0
"""Of the ranking by what is said of pictures, beside 1 for the others: recall at 8 on the queries of bench/choose.py
was 0.62 without it, 0.79 with 1, 0.84 with 2, 0.87 with 3; on articles with few captions 1 was better than 3."""
PARAGRAPH_WEIGHT = 0.5
"""Of rankings by the paragraph's vector instead of that of what the picture must show."""
BY_LOOKS = ("vector", "paragraph")
"""Kinds of rankings that need no words of the picture."""
EVIDENCE_WORDS = 60
SUBJECT_WORDS = 7
TOGETHER: frozenset[SignalName] = frozenset({"series", "colour", "proportions"})
"""Signals that come from the article's other places."""
LATER: frozenset[SignalName] = frozenset({*TOGETHER, "rerank"})
"""Signals that come after the short list."""
_Values = Mapping[SignalName, float | None]


class Aim(Struct, frozen=True):
    """What is looked for at one place. Vectors have the shape (dimensions,)."""

    slot: Slot
    text: str
    """The paragraph."""
    query: Vectors
    """What the slot must show, in its section and in the whole article: the mean of `Slot.query` and `Slot.wider`, as
    of several prompts for one class (Radford et al. 2021)."""
    paragraph: Vectors | None
    """None where the encoder does not read its language."""
    article: Vectors
    """What the whole article is about: the mean over its paragraphs, or over the queries of its places."""


@dataclass
class Chooser:
    """Searches one library for one article."""

    tools: Tools
    brief: Brief
    cancel: Cancel
    twins: Twins = field(init=False)

    def __post_init__(self) -> None:
        self.twins = Twins(self.tools.writer, self.tools.encoder.languages, self.brief.seed, self.cancel)

    # --- what the text is about

    @property
    def reads(self) -> bool:
        """Whether the encoder reads the article's language."""
        return self.brief.language in self.tools.encoder.languages

    def subjects(self, article: Article, outline: Outline) -> Subjects:
        """What the article and its sections are about, in a language that the encoder reads."""
        sections = (
            prose.subject_of(section.anchor, SUBJECT_WORDS) or self.twins.of(section.heading, self.brief.language)
            for section in outline.sections
        )
        return Subjects(self.twins.of(article.title, self.brief.language), tuple(sections))

    def evidence(self, article: Article, outline: Outline) -> dict[str, float]:
        """How well the library can illustrate each paragraph: words and vectors of its best picture, 0 to 1."""
        blocks = [block for block in article.blocks if block.kind == "paragraph"]
        subjects = self.subjects(article, outline).sections
        texts = [
            f"{subjects[block.section]}. {self._start(block.text)}" if self.reads else subjects[block.section]
            for block in blocks
        ]
        nearest = self.tools.search.nearest(self.tools.encoder.encode_texts(texts), 1, self.brief.libraries)
        found: dict[str, float] = {}
        for block, text, near in zip(blocks, texts, nearest, strict=True):
            words = by_words(self.tools.catalogue, text, self.brief.libraries, 1)
            found[block.id] = 0.5 * (near[0][1] if near else 0.0) + 0.5 * (words[0][1] if words else 0.0)
        return found

    # --- finding

    def aims(self, slots: Sequence[Slot], article: Article, wanted: Sequence[Slot]) -> list[Aim]:
        """What is looked for at the `wanted` ones of the article's slots."""
        if not wanted:
            return []
        texts = [block_of(slot.after, article).text for slot in wanted]
        about = [block.text for block in article.blocks if block.kind == "paragraph" and block.text.strip()]
        about = [self._start(text) for text in about] if self.reads else [slot.query for slot in slots]
        asked = [
            *(slot.query for slot in wanted), *(slot.wider or slot.query for slot in wanted),
            *map(self._start, texts if self.reads else ()), *about,
        ]  # fmt: skip
        distinct = {text: at for at, text in enumerate(dict.fromkeys(asked))}
        encoded = self.tools.encoder.encode_texts(list(distinct))
        vectors = encoded[[distinct[text] for text in asked]]
        count = len(wanted)
        queries = [_mean(vectors[[at, count + at]]) for at in range(count)]
        read = vectors[2 * count : 3 * count] if self.reads else [None] * count
        paragraphs = [vector if text.strip() else None for vector, text in zip(read, texts, strict=True)]
        whole = _mean(vectors[-len(about) :] if about else vectors)
        return [
            Aim(slot, text, query, paragraph, whole)
            for slot, text, query, paragraph in zip(wanted, texts, queries, paragraphs, strict=True)
        ]

    def shortlist(self, aim: Aim, count: int) -> tuple[Candidate, ...]:
        """The best `count` pictures of all rankings, near-duplicates as one, with all signals that cost no model."""
        found = shortlist(
            self.rankings(aim),
            count,
            lambda rows: self.tools.catalogue.pictures(rows, self.brief.libraries),
            lambda rows: self.tools.search.cosines(aim.query, rows),
            self._could,
        )
        return self.measured(aim, found)

    def rankings(self, aim: Aim) -> list[Ranking]:
        """What is found by each of the texts, by what is seen, by what is said, and by words."""
        folders, catalogue, slot = self.brief.libraries, self.tools.catalogue, aim.slot
        found = [
            self._near("vector", aim.query),
            self._said(aim.query, CAPTIONS_WEIGHT),
            Ranking("words", tuple(by_words(catalogue, f"{slot.query} {slot.caption}", folders, DEPTH))),
            Ranking("words", tuple(by_words(catalogue, slot.query, folders, DEPTH))),
            Ranking("context", tuple(by_words(catalogue, aim.text, folders, DEPTH))),
        ]
        if named := sorted(prose.names(aim.text)):
            # Apart from the rest: persons and places find the very picture. Recall at 8 of 84 gold places 0.61 to 0.63.
            found.append(Ranking("names", tuple(by_words(catalogue, " ".join(named), folders, DEPTH))))
        if aim.paragraph is not None:
            found += [
                self._near("paragraph", aim.paragraph, PARAGRAPH_WEIGHT),
                self._said(aim.paragraph, PARAGRAPH_WEIGHT * CAPTIONS_WEIGHT),
            ]
        return found

    def _near(self, kind: str, vector: Vectors, weight: float = 1.0) -> Ranking:
        found = self.tools.search.nearest(vector[None, :], DEPTH, self.brief.libraries)[0]
        return Ranking(kind, tuple(found), weight)

    def _said(self, vector: Vectors, weight: float) -> Ranking:
        found = self.tools.captions.nearest(vector[None, :], DEPTH, self.brief.libraries)[0]
        return Ranking("captions", tuple(found), weight)

    def _could(self, picture: Picture, kind: str) -> bool:
        """Whether a ranking of that kind can have the picture."""
        if kind in BY_LOOKS:
            return True
        if kind == "captions":
            return self._heard(picture)
        return bool(picture.caption or picture.title or picture.people or picture.place)

    # --- measuring

    def measured(self, aim: Aim, pictures: Sequence[Picture]) -> tuple[Candidate, ...]:
        """Given pictures as candidates of a place, in their order, with all signals that cost no model."""
        rows = {picture.id: self.tools.catalogue.row_of(picture.id) for picture in pictures}
        known = [row for row in rows.values() if row is not None]
        tables = self._compared(aim, known) | self._worded(aim, known)
        unread = {rows[each.id] for each in pictures if not self._heard(each)}
        tables["captions"] = {row: value for row, value in tables["captions"].items() if row not in unread}
        tables["context"] = {
            row: prose.share_said(each.caption or each.words, aim.text)
            for each in pictures
            if (row := rows[each.id]) is not None and _comparable(each.caption or each.words, aim.text)
        }
        looks = self._looked(aim.slot, known)
        return tuple(
            Candidate(picture=picture, signals=_signals(picture, row, tables, looks.get(row, {})))
            for picture in pictures
            if (row := rows[picture.id]) is not None
        )

    def _heard(self, picture: Picture) -> bool:
        """Whether the encoder reads what is said of a picture; what it makes of other words is noise."""
        words = picture.caption
        return bool(words) and ("zh" in self.tools.encoder.languages or not prose.is_chinese(words))

    def _compared(self, aim: Aim, rows: Sequence[int]) -> dict[SignalName, Mapping[int, float]]:
        search = self.tools.search
        found: dict[SignalName, Mapping[int, float]] = {
            "vector": search.cosines(aim.query, rows),
            "article": search.cosines(aim.article, rows),
            "captions": self.tools.captions.cosines(aim.query, rows),
        }
        if aim.paragraph is not None:
            found["paragraph"] = search.cosines(aim.paragraph, rows)
        return found

    def _worded(self, aim: Aim, rows: Sequence[int]) -> dict[SignalName, Mapping[int, float]]:
        among = np.asarray(sorted(rows), np.int64)
        asked = (f"{aim.slot.query} {aim.slot.caption}", aim.slot.query)
        words = [self._matched(text, among) for text in asked]
        return {"words": {row: max(each.get(row, 0.0) for each in words) for row in rows}}

    def _matched(self, text: str, among: Ids) -> dict[int, float]:
        return dict(by_words(self.tools.catalogue, text, self.brief.libraries, len(among), among=among))

    def _looked(self, slot: Slot, rows: Sequence[int]) -> dict[int, dict[SignalName, float]]:
        looks: dict[int, dict[SignalName, float]] = {}
        for row, each in traits(self.tools.catalogue, rows).items():
            values: dict[SignalName, float | None] = {
                "shape": signals.shape(each, slot.kind),
                "size": signals.size(each),
                "rights": signals.rights(each),
                "fresh": signals.fresh(each),
                "mood": signals.mood(each, slot.tone, self.brief.language),
            }
            looks[row] = {name: value for name, value in values.items() if value is not None}
        return looks

    # --- joining

    def ranked(self, slot: Slot, text: str, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
        """The candidates of a place with the re-ranker's score, best first."""
        judge = self.tools.judge
        caption, context = self.asked_of(slot, text, judge)
        return rank(list(candidates), caption, context, judge, self.tools.weights, self.cancel)

    def asked_of(self, slot: Slot, text: str, reranker: Reranker | None) -> tuple[str, str]:
        """What the re-ranker reads: caption and paragraph, or the query where it does not read the language."""
        if reranker is not None and self.brief.language not in reranker.languages:
            return slot.query, slot.query
        return f"{slot.caption}. {slot.query}", self._start(text)

    def together(self, candidates: Mapping[str, Sequence[Candidate]]) -> dict[str, tuple[Candidate, ...]]:
        """The candidates of all places, ranked, with what the other places say for them; best first."""
        names = sorted(candidates)
        bare = {name: _ordered(_scored(each, {}, self.tools) for each in candidates[name]) for name in names}
        likes, looks = self._likes(bare), self._looks(bare)
        return {
            name: _ordered(
                _scored(each, {**likes.get((name, each.picture.id), {}), **looks(name, each)}, self.tools)
                for each in bare[name]
            )
            for name in names
        }

    def _likes(self, found: Mapping[str, Sequence[Candidate]]) -> dict[tuple[str, str], _Values]:
        """By place and picture, how much it resembles the good candidates of the other places."""
        vectors = self._vectors([each.picture for some in found.values() for each in some])
        known = [(name, each) for name, some in found.items() for each in some if each.picture.id in vectors]
        places = {name: place for place, name in enumerate(found)}
        values = resemblance(
            np.asarray([vectors[each.picture.id] for _, each in known], np.float32),
            [_group(each) for _, each in known],
            [places[name] for name, _ in known],
            [each.final for _, each in known],
        )
        return {(name, each.picture.id): {"series": value} for (name, each), value in zip(known, values, strict=True)}

    def _looks(self, found: Mapping[str, Sequence[Candidate]]) -> Callable[[str, Candidate], _Values]:
        """How well a candidate's colours and proportions go with the best candidates of the other places."""
        rows = {
            each.picture.id: self.tools.catalogue.row_of(each.picture.id) for some in found.values() for each in some
        }
        seen = traits(self.tools.catalogue, sorted(row for row in rows.values() if row is not None))
        best = {name: some[0] for name, some in found.items() if some}

        def looks(name: str, candidate: Candidate) -> _Values:
            others = [each for other, each in best.items() if other != name and _group(each) != _group(candidate)]
            around = [seen[row] for each in others if (row := rows[each.picture.id]) in seen]
            own = seen.get(rows[candidate.picture.id] or -1)
            if own is None or not around:
                return {}
            return {"colour": signals.palette(own, around), "proportions": signals.proportions(own, around)}

        return looks

    def _vectors(self, pictures: Iterable[Picture]) -> dict[str, Vectors]:
        rows = {self.tools.catalogue.row_of(picture.id): picture.id for picture in pictures}
        wanted = np.asarray(sorted(row for row in rows if row is not None), np.int64)
        ids, vectors = self.tools.catalogue.embeddings.of(self.tools.encoder.id, wanted)
        return {rows[row]: vector for row, vector in zip(ids.tolist(), vectors, strict=True)}

    def _start(self, text: str) -> str:
        return prose.cut_words(text, EVIDENCE_WORDS, self.brief.language)


def _mean(vectors: Vectors) -> Vectors:
    mean = vectors.mean(0)
    return mean / max(1e-9, float(np.linalg.norm(mean)))


def _comparable(words: str, text: str) -> bool:
    """Whether words of a picture and of a text could be the same: in two languages none are, which says nothing."""
    return bool(text.strip()) and prose.is_chinese(words) == prose.is_chinese(text)


def _signals(
    picture: Picture,
    row: int,
    tables: Mapping[SignalName, Mapping[int, float]],
    looks: Mapping[SignalName, float],
) -> dict[SignalName, float]:
    """What was measured. Words that do not match speak against a picture that has some; no words are no opinion."""
    found: dict[SignalName, float] = {name: table[row] for name, table in tables.items() if row in table}
    if not picture.caption:
        found = {name: value for name, value in found.items() if value or name not in {"words", "context"}}
    return {**found, **looks}


def _group(candidate: Candidate) -> str:
    return candidate.picture.group or candidate.picture.id


def _scored(candidate: Candidate, more: _Values, tools: Tools) -> Candidate:
    """The candidate with what the other places say of it, and without what they said before."""
    known: dict[SignalName, float] = {name: value for name, value in candidate.signals.items() if name not in TOGETHER}
    told: dict[SignalName, float] = {name: value for name, value in more.items() if value is not None}
    known.update(told if known else {})  # of a picture that was not measured the others alone say nothing
    return replace(candidate, signals=known, final=final_score(known, tools.weights))


def _ordered(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Best first; of equals the lower id."""
    return tuple(sorted(candidates, key=lambda each: (-each.final, each.picture.id)))
