"""The nouns that travel through the program: frozen, typed, and the same in memory, on the wire and on disk."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Language = Literal["en", "zh"]
StageName = Literal["index", "outline", "write", "plan", "retrieve", "rank", "assign", "caption"]
STAGES: tuple[StageName, ...] = ("index", "outline", "write", "plan", "retrieve", "rank", "assign", "caption")

SlotKind = Literal["opening", "scene", "object", "person", "place", "diagram"]
SignalName = Literal[
    "vector",
    "paragraph",
    "captions",
    "words",
    "context",
    "rerank",
    "article",
    "series",
    "colour",
    "proportions",
    "mood",
    "shape",
    "size",
    "rights",
    "fresh",
]
"""What is measured of a picture at a place; docs/choosing.md says how each is made."""
OPENING = ""
"""`Slot.after` of a picture that stands before all text, under the title."""

SHORTEST, LONGEST = 100, 8000
MOST_PICTURES = 40


class Brief(Struct, frozen=True, kw_only=True):
    """What the writer asks for. `length` counts words in English and characters in Chinese."""

    topic: str
    notes: str = ""
    audience: str = ""
    tone: str = ""
    language: Language = "en"
    length: int = 1000
    pictures: Annotated[int, Meta(ge=0)] | None = None
    """How many pictures; None lets the text decide."""
    libraries: tuple[str, ...] = ()
    """Folders to take pictures from, absolute."""
    seed: int = 1


class Section(Struct, frozen=True):
    """One heading of the outline and what each of its passages tells."""

    heading: str
    points: tuple[str, ...]
    anchor: str = ""
    """Words of a library picture that the section was planned around; empty when there is none."""


class Outline(Struct, frozen=True):
    """The plan of the text, made before any of it is written."""

    title: str
    sections: tuple[Section, ...]


class Block(Struct, frozen=True, kw_only=True):
    """A heading or a paragraph. Ids are stable: slots and edits refer to them."""

    id: str
    kind: Literal["heading", "paragraph"]
    text: str
    section: int
    """Place of its section in the outline, from 0."""
    passage: int = 0
    """Place of the passage it was written in, counted over the article, from 0."""
    done: bool = True
    """False while it is still streaming in."""


class Article(Struct, frozen=True):
    """The text in reading order."""

    title: str
    blocks: tuple[Block, ...]


class Slot(Struct, frozen=True, kw_only=True):
    """A place for one picture, directly after block `after`, or before all text (OPENING)."""

    id: str
    after: str
    caption: str
    query: str
    """What the picture must show, in words for the encoder (English if it reads only English)."""
    wider: str = ""
    """The same led by what the whole article is about, instead of its section: a heading such as "Method" finds
    nothing."""
    tone: str = ""
    origin: Literal["model", "library", "writer"] = "model"
    read: str = ""
    """Hash of the paragraph that it was planned from: another one there means that it is planned anew."""
    kind: SlotKind = "scene"
    sentence: str = ""
    """The sentence of the text that the picture illustrates, word for word; empty when none stands out."""
    worded: bool = False
    """The writer worded the caption: nothing of the program's replaces it."""


class Picture(Struct, frozen=True, kw_only=True):
    """A picture of the library with the words and rights it carries."""

    id: str
    """BLAKE2b-128 of the file's bytes, hexadecimal."""
    path: str
    width: int
    height: int
    caption: str = ""
    words: str = ""
    """All words it carries: caption, title, keywords, place, folder and file name."""
    licence: str = ""
    credit: str = ""
    group: str = ""
    """Near-duplicates share a group; empty when it stands alone."""
    preview: str = ""
    """A small upright RGB copy for the screen, at most 512 px a side."""
    title: str = ""
    people: str = ""
    """Names, separated by "; "."""
    place: str = ""
    taken: str = ""
    """ISO 8601, as far as known: 2019, 2019-05 or 2019-05-04."""
    creator: str = ""
    copyright: str = ""
    terms: str = ""
    """Usage terms as the picture words them."""
    source: str = ""
    """Address that it came from."""


class Candidate(Struct, frozen=True, kw_only=True):
    """A picture considered for a slot, with every score it was given."""

    picture: Picture
    signals: dict[SignalName, float] = {}
    """What was measured, each in its own unit; a name that is missing was not, or could not be. "vector": cosine of the
    slot's query and the picture, -1 to 1. "words": how well the picture's own words match, BM25, scaled to 0 to 1 by
    the best match possible. "rerank": the re-ranker's score, in the model's own unit."""
    final: float = 0.0
    """All scores joined: 0 no fit, 1 perfect."""


class Pick(Struct, frozen=True, kw_only=True):
    """The decision for a slot. `picture` is None when nothing fits, and `reason` says why either way."""

    slot: str
    picture: Picture | None
    reason: str
    by: Literal["program", "writer"] = "program"
    caption: str = ""
    """Worded for this picture; empty: the slot's own stands."""
    alt: str = ""
    """What is seen in the picture, for those who do not see it; empty: what the picture says of itself stands."""
    shot: str = ""
    """Where nothing fits: what a photographer should take, in the article's language."""


class Speed(Struct, frozen=True):
    """How much the writer model produced, and in how many seconds."""

    tokens: int = 0
    seconds: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0


class Composition(Struct, frozen=True, kw_only=True):
    """Everything made so far from one brief: each stage's result, kept so that any stage can be run again alone."""

    brief: Brief
    outline: Outline | None = None
    article: Article | None = None
    slots: tuple[Slot, ...] | None = None
    candidates: dict[str, tuple[Candidate, ...]] = {}
    """By slot id, best first."""
    picks: dict[str, Pick] = {}
    """By slot id."""
    models: dict[str, str] = {}
    """Which model did what: writer, encoder, reranker."""
    weights: dict[SignalName, tuple[float, float, float]] = {}
    """How much each signal counted when the picks were made: weight, middle, width, as stages/rank.py takes them."""
    empty_below: float = 0.4
    """The final score below which a place stayed empty then, 0 to 1."""
    inputs: dict[str, str] = {}
    """Hash of what each finished stage was made from, by stage name."""
    seconds: dict[str, float] = {}
    """By stage name."""
    speed: Speed = Speed()


# --- events: what the engine says while it works -------------------------------------------------------------------


class Event(Struct, frozen=True, tag_field="event"):
    """Base of everything the engine says."""


class StageStarted(Event, frozen=True, tag="stage-started"):
    stage: StageName


class StageProgress(Event, frozen=True, tag="stage-progress"):
    """`done` of `total` units; `seconds_left` for this stage, None while unknown."""

    stage: StageName
    done: float
    total: float
    seconds_left: float | None = None


class StageFinished(Event, frozen=True, tag="stage-finished"):
    """`inputs` is the hash of what the stage was made from; `reused` means that nothing had to be done."""

    stage: StageName
    seconds: float
    inputs: str = ""
    reused: bool = False


class OutlineReady(Event, frozen=True, tag="outline-ready"):
    outline: Outline


class BlockStarted(Event, frozen=True, tag="block-started"):
    """A new block at the end of the article; its text follows in TextDelta."""

    block: Block


class TextDelta(Event, frozen=True, tag="text-delta"):
    """More text at the end of a block."""

    block: str
    text: str


class BlockReplaced(Event, frozen=True, tag="block-replaced"):
    """The block's final form; empty text takes the block out."""

    block: Block


class ArticleReady(Event, frozen=True, tag="article-ready"):
    """The whole text as it stands at the end of writing; it replaces what was streamed."""

    article: Article
    speed: Speed


class SlotsPlanned(Event, frozen=True, tag="slots-planned"):
    slots: tuple[Slot, ...]


class CandidatesReady(Event, frozen=True, tag="candidates-ready"):
    """A slot's candidates, best first. Sent after retrieval and again, with more scores, after ranking."""

    slot: str
    candidates: tuple[Candidate, ...]


class Picked(Event, frozen=True, tag="picked"):
    pick: Pick


class ModelsChosen(Event, frozen=True, tag="models-chosen"):
    """Ids of the models at work, by role."""

    models: dict[str, str]


class WeightsChosen(Event, frozen=True, tag="weights-chosen"):
    """What decides between the candidates, as `Composition.weights` and `Composition.empty_below` keep it."""

    weights: dict[SignalName, tuple[float, float, float]]
    empty_below: float


class Notice(Event, frozen=True, tag="notice"):
    """Something the writer should know; work goes on."""

    message: str
    hint: str = ""


class Composed(Event, frozen=True, tag="composed"):
    """The composition is finished."""

    composition: Composition


AnyEvent = (
    StageStarted
    | StageProgress
    | StageFinished
    | OutlineReady
    | BlockStarted
    | TextDelta
    | BlockReplaced
    | ArticleReady
    | SlotsPlanned
    | CandidatesReady
    | Picked
    | ModelsChosen
    | WeightsChosen
    | Notice
    | Composed
)
