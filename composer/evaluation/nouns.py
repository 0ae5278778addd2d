"""What an evaluation is made of: gold articles, what a system made of each, tallies, and the report.

Flow: a gold folder -> Gold -> (Pool: a catalogue of all its pictures) -> a System illustrates each article's bare text
-> Illustrated -> metrics turn both into Tally by article -> intervals.py resamples articles -> Report -> JSON, HTML.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from composer.types import Article, Candidate, Language

Kind = Literal["paragraph", "list", "quote"]
SystemName = Literal["ours", "xcomposer", "even", "encoder", "mmc4"]
SYSTEMS: tuple[SystemName, ...] = ("ours", "xcomposer", "even", "encoder", "mmc4")


class Figure(Struct, frozen=True, kw_only=True):
    """A picture as its author placed it."""

    after: int
    """Place of the text block that it follows, from 0, headings not counted; -1 stands before all text."""
    image: str
    """Path below the gold folder."""
    caption: str = ""
    alt: str = ""


class GoldArticle(Struct, frozen=True, kw_only=True):
    """An article that somebody wrote and illustrated, its text without the pictures."""

    id: str
    repository: str
    licence: str
    language: Language
    article: Article
    """Lists and quotes are paragraphs here. Text blocks have the ids p0, p1..., headings h0, h1..., in order."""
    kinds: tuple[Kind, ...]
    """Of each text block."""
    figures: tuple[Figure, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """Where pictures stand, each place once, ascending: adjacent pictures share one."""
        return tuple(sorted({figure.after for figure in self.figures}))


class Placed(Struct, frozen=True, kw_only=True):
    """One slot of a system's."""

    after: int
    """Counted as Figure.after."""
    picture: str | None
    """The catalogue's id of what was chosen; None where the system left the place empty."""
    candidates: tuple[str, ...] = ()
    """Ids, best first, as retrieved, before any choice."""
    caption: str = ""
    query: str = ""


class Illustrated(Struct, frozen=True, kw_only=True):
    """What a system made of one article."""

    article: str
    system: SystemName
    slots: tuple[Placed, ...]
    seconds: float
    """From bare text to the last choice, on this machine."""
    shuffled: tuple[str | None, ...] = ()
    """What it chose for the same slots when every slot's candidates were handed over in another order."""


class Choice(Struct, frozen=True, kw_only=True):
    """Choosing alone: for one gold figure a system was given the same candidates as every other."""

    article: str
    system: SystemName
    right: str
    """The picture that the author placed."""
    candidates: tuple[str, ...]
    """The right one is among them."""
    picture: str | None


class Example(Struct, frozen=True, kw_only=True):
    """A place with its candidates and the right answer: what weights are fitted on."""

    group: str
    """The article. Places of one article are alike, so they are held out together."""
    candidates: tuple[Candidate, ...]
    """With every signal that was measured; their order says nothing."""
    right: str | None
    """Id of the right picture, or of a near-duplicate, among the candidates; None: nothing fits."""


class Tally(Struct, frozen=True):
    """One figure of one article as a fraction, so that sums over articles are micro averages.

    F1 is 2 * true positives over predicted plus gold places.
    """

    top: float
    bottom: float


class Interval(Struct, frozen=True):
    """A figure with its 95 % bootstrap interval over articles; None where there was nothing to count."""

    value: float | None
    low: float | None = None
    high: float | None = None
    articles: int = 0


class Report(Struct, frozen=True, kw_only=True):
    """Everything one run found. `systems` and the rest map system -> figure -> Interval."""

    gold: str
    """Title of the set and a hash of its content."""
    articles: int
    pictures: int
    words: bool
    """Whether pictures carried their words."""
    models: dict[str, str]
    seed: int
    systems: dict[str, dict[str, Interval]]
    by_language: dict[str, dict[str, dict[str, Interval]]]
    by_repository: dict[str, dict[str, dict[str, Interval]]]
    retrieval: dict[str, dict[str, Interval]]
    """From what was searched: "caption", "paragraph", "planner" -> recall_at_1, recall_at_4, recall_at_8, mrr."""
    tallies: dict[str, dict[str, dict[str, Tally]]]
    """System -> figure -> article -> Tally: what intervals and comparisons of two runs are made from."""
    limits: tuple[str, ...] = ()
    """Sentences to be read with the figures."""
