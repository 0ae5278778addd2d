"""Caption: words for the pictures that were chosen. The planner worded what was wanted; this is about what came.

What a picture says of itself is the ground of it. The writer ties that to the text, and is believed only where nothing
in its words is new: names, numbers, things. Otherwise the picture's own words are printed as they are, or the slot's
caption stays. A writer that is shown the picture may say what it sees. Nothing is made up from nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from composer import prose
from composer.errors import ComposerError
from composer.ports import PLACE, Cancel, Message, Prompt, Reranker, Writer
from composer.prompts import CaptionPrompts, prompts
from composer.revision import hashed
from composer.types import Article, Block, Brief, Language, Pick, Picture, Slot

CAPTION_LIMIT = {"en": 16, "zh": 30}
ALT_LIMIT = {"en": 40, "zh": 80}
NEW_WORDS = {"en": 0, "zh": 2}
"""Words (characters) that neither picture nor text have, in a caption by a writer that did not see the picture. Chinese
needs a few to join what is there."""
STEM = 4
"""Letters that two forms of a word share at least."""
COPIED = 0.5
"""Share of the text's own runs of words from which on a caption only says the text again."""
CONTEXT = 60
"""Words (characters) of the paragraph that a re-ranker reads."""
_BRACKET = re.compile(r"\s*\([^()]*\)?")
_COUNTER = re.compile(r"\s*\b\w*\d\w*\b")
_FILE_NAME = re.compile(r"[a-z][A-Z]|_|\.\w{3,4}\b")
_CAPITALISED = re.compile(r"\b[A-ZÀ-Þ][\w-]*")
_KEYWORDS = re.compile(r"(, [a-z-]+)+$")
"""Single words at the end, as files are tagged with: "silos, outdoors"."""


class _Answer(Struct, frozen=True):
    caption: str = ""
    seen: str = ""


class _Place(Struct, frozen=True):
    """What is known about one picture where it stands."""

    slot: Slot
    picture: Picture
    heading: str
    sentence: str
    """The one that it illustrates, as far as one stands out."""
    text: str
    """What the words are held against: the sentence, or the paragraph where none stands out."""
    own: str
    """What the picture says of itself, fit to be printed; in whatever language."""
    language: Language

    @property
    def told(self) -> str:
        """All that the picture says of itself."""
        parts = (self.own, self.picture.title, self.picture.people, self.picture.place)
        return ". ".join(dict.fromkeys(part for part in parts if part))

    @property
    def given(self) -> str:
        return f"{self.told}. {self.heading}. {self.text}"

    @property
    def names_something(self) -> bool:
        """Whether its words may name a place, a person or the like: any capital letter but that of an article."""
        words = (self.picture.caption, self.picture.title, self.picture.people, self.picture.place)
        return any(prose.content_words(word) for word in _CAPITALISED.findall(" ".join(words)))

    @property
    def foreign(self) -> bool:
        """Whether the picture's words are in another language than the article."""
        return bool(self.own) and prose.is_chinese(self.own) != (self.language == "zh")


def caption(
    slots: Sequence[Slot],
    picks: Mapping[str, Pick],
    article: Article,
    brief: Brief,
    writer: Callable[[], Writer],
    reranker: Reranker | None,
    cancel: Cancel,
) -> Generator[float, None, tuple[Pick, ...]]:
    """Word captions and descriptions for the pictures chosen; yields the share done (0 to 1).

    Returns the picks in the order of the slots. An empty `Pick.caption` means that the slot's stands, which is so where
    nothing better is known; slots that the writer worded and places without a picture stay as they are. A description
    that a pick has already is kept: it is of the same picture. At most one request a slot, none where neither the
    picture's words nor its sight could be used. Failures of models leave what is known without them; Cancelled is
    raised.
    """
    done: list[Pick] = []
    fresh = True
    for at, slot in enumerate(slots):
        yield at / len(slots)
        cancel.check()
        pick = picks.get(slot.id)
        if pick is None:
            continue
        if pick.picture is not None and not slot.worded:
            place = _place(slot, pick.picture, article, brief.language)
            answer = _asked(place, brief, writer, fresh, cancel)
            fresh = fresh and answer is None
            pick = _worded(pick, place, answer or _Answer(), reranker, cancel)
        done.append(pick)
    return tuple(done)


def marks(slots: Sequence[Slot], picks: Mapping[str, Pick], article: Article, language: Language) -> list[str]:
    """For each slot a hash of what its words are made from, besides the models and the brief; see revision.py."""
    return [_mark(slot, picks.get(slot.id), article, language) for slot in slots]


def own_words(picture: Picture) -> str:
    """What a picture says of itself, as one would print it: its first sentence without what files add to it.

    "windmill (Mykonos windmills 2)" -> "Mykonos windmills"; "a fish (Coris julis 24 05 07)" -> "A fish (Coris julis)";
    "silos, outdoors" -> "Silos". Empty where it says nothing.
    """
    said = next((words for words in (picture.caption, picture.title) if words.strip()), "")
    said = said or ", ".join(part for part in (picture.people.replace("; ", ", "), picture.place) if part)
    first = prose.sentences(said)[0].rstrip(".。") if said.strip() else ""
    if first.count("(") != first.count(")"):
        first = _BRACKET.sub("", first)
    special = prose.subject_of(first, max(len(first), 1)) if "(" in first else first
    if first.startswith(special) and not _FILE_NAME.search(first):
        special = _with_brackets(first)
    words = _KEYWORDS.sub("", " ".join(special.split())).replace("()", "").strip(" .;,\"'")
    if " " not in words and words.isascii() and _FILE_NAME.search(words):
        return ""
    words = words.title() if words.isupper() and " " in words else words
    return words[:1].upper() + words[1:]


def _with_brackets(words: str) -> str:
    """The words without counters, and without a bracket that only says them again."""
    plain = _BRACKET.sub("", words)
    if prose.content_words(_COUNTER.sub("", words)) <= prose.content_words(plain):
        return plain
    return _COUNTER.sub("", words) if "(" in words else words


def _mark(slot: Slot, pick: Pick | None, article: Article, language: Language) -> str:
    picture = pick.picture if pick else None
    if picture is None:
        return hashed(None)
    place = _place(slot, picture, article, language)
    about = (picture.id, picture.caption, picture.title, picture.people, picture.place)
    return hashed(slot.caption, slot.query, slot.worded, place.heading, place.sentence, place.text, about)


def _place(slot: Slot, picture: Picture, article: Article, language: Language) -> _Place:
    heading, text = _around(slot, article)
    own = own_words(picture)
    sentence = slot.sentence or prose.sentence_of(text, [own, slot.query, slot.caption], language)
    return _Place(slot, picture, heading, sentence, sentence or text, own, language)


def _around(slot: Slot, article: Article) -> tuple[str, str]:
    """Heading and paragraph of a slot; for one before all text, the paragraph that has its sentence, else the first."""
    paragraphs = [block for block in article.blocks if block.kind == "paragraph"]
    home = next((block for block in article.blocks if block.id == slot.after), None)
    if home is None:
        having = (block for block in paragraphs if slot.sentence and slot.sentence in block.text)
        home = next(having, paragraphs[0] if paragraphs else None)
    return (_heading(home, article) or article.title, home.text) if home else (article.title, "")


def _heading(block: Block, article: Article) -> str:
    return next((each.text for each in article.blocks if each.kind == "heading" and each.section == block.section), "")


# --- what the writer says --------------------------------------------------------------------------------------------


def _asked(place: _Place, brief: Brief, writer: Callable[[], Writer], fresh: bool, cancel: Cancel) -> _Answer | None:
    """The writer's words, or None where it is not asked; without those that cannot be believed."""
    try:
        asked = writer()
        prompt = _prompt(place, asked, brief.seed, fresh)
        if prompt is None:
            return None
        text = "".join(piece.text for piece in asked.generate(prompt, cancel))
        said = msgspec.json.decode(text, type=_Answer)
    except (ComposerError, msgspec.DecodeError):
        return _Answer()
    return _believed(said, place, prompts(place.language).caption, sees=asked.capabilities.shown)


def _prompt(place: _Place, writer: Writer, seed: int, fresh: bool) -> Prompt | None:
    """The request that suits what is known, None where there is nothing to ask."""
    can, words = writer.capabilities, prompts(place.language).caption
    if place.language not in can.languages or not can.instructed:
        return None
    if can.shown:
        told = place.told or words.untold
        request = words.seen_request.format(
            picture=PLACE, told=told, heading=place.heading, sentence=place.sentence
        )  # fmt: skip
        messages = (Message("system", words.system), Message("user", request.strip(), (place.picture,)))
        return _request(messages, ("seen", "caption"), 200, seed, fresh)
    if place.foreign and (not words.translate_system or place.names_something):
        return None  # small writers turn names into others: Mykonos into Croatia
    if place.foreign:
        messages = _by_example(words.translate_system, words.translate_example_request, words.translate_example_answer,
                               words.translate_request.format(told=place.own))  # fmt: skip
        return _request(messages, ("caption",), 80, seed, fresh)
    if not prose.sentence_of(place.sentence, [place.told], place.language):
        return None  # the text does not speak of what the picture says: nothing ties them but a guess
    request = words.request.format(told=place.told, heading=place.heading, sentence=place.sentence)
    messages = _by_example(words.system, words.example_request, words.example_answer, request)
    return _request(messages, ("caption",), 80, seed, fresh)


def _by_example(system: str, request: str, answer: str, asked: str) -> tuple[Message, ...]:
    return (
        Message("system", system),
        Message("user", request.strip()),
        Message("assistant", answer),
        Message("user", asked.strip()),
    )


def _request(messages: tuple[Message, ...], parts: Sequence[str], tokens: int, seed: int, fresh: bool) -> Prompt:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {part: {"type": "string", "maxLength": 300 if part == "seen" else 120} for part in parts},
        "required": list(parts),
    }
    return Prompt(messages=messages, max_tokens=tokens, temperature=0.2, seed=seed + 11, schema=schema, fresh=fresh)


# --- what of it is believed ------------------------------------------------------------------------------------------


def _believed(said: _Answer, place: _Place, words: CaptionPrompts, *, sees: bool) -> _Answer:
    worded, seen = _clean(said.caption), _clean(said.seen)
    worded = worded if _is_caption(worded, place, words, sees=sees) else ""
    if not sees:
        return _Answer(worded, worded if place.foreign else "")
    return _Answer(worded, seen if _is_clear(seen, place, ALT_LIMIT) and not _invented(seen, place.told) else "")


def _is_caption(worded: str, place: _Place, words: CaptionPrompts, *, sees: bool) -> bool:
    example = prose.key(words.translate_example_answer if place.foreign and not sees else words.example_answer)
    if not _is_clear(worded, place, CAPTION_LIMIT) or prose.key(worded) in example:
        return False
    if prose.repeated_share(worded, prose.shingles(place.text)) > COPIED:
        return False
    if place.foreign and not sees:
        return not _invented(worded, place.told)  # a translation: it may say nothing but what the picture says
    if _invented(worded, place.given):
        return False
    new = _new_words(worded, place.given)
    return sees or (_is_about(worded, place) and len(new) <= NEW_WORDS[place.language])


def _is_about(worded: str, place: _Place) -> bool:
    """Whether it speaks of what the picture says it shows.

    In English what comes first is what a caption shows: "A visitor to the castle" is not a picture of a castle.
    """
    if place.language == "zh":
        return bool(prose.content_words(worded) & prose.content_words(place.told))
    first = next((token for token in prose.tokens(worded) if prose.content_words(token)), "")
    return bool(first) and not _new_words(first, place.told)


def _new_words(worded: str, given: str) -> list[str]:
    """Content words that are not given, nor another form of one that is: "grazing" goes with "graze"."""
    known = prose.content_words(given)
    return [
        word
        for word in prose.content_words(worded) - known
        if not (len(word) > STEM and any(other.startswith(word[: max(STEM, len(word) - 3)]) for other in known))
    ]


def _is_clear(worded: str, place: _Place, limit: Mapping[str, int]) -> bool:
    """Whether it is of the article's language, and neither a word alone nor a text of its own."""
    language = place.language
    return (
        len(prose.tokens(worded)) >= 2
        and prose.length(worded, language) <= limit[language]
        and prose.is_chinese(worded) == (language == "zh")
    )


def _invented(worded: str, given: str) -> bool:
    """Whether it has names or numbers that are not given: those are guesses."""
    known = set(prose.tokens(given))
    latin = prose.tokens(" ".join(re.findall(r"[A-Za-z0-9À-ɏ]+", worded))) if prose.is_chinese(worded) else []
    named = [*latin, *(part for name in prose.names(worded) for part in prose.tokens(name))]
    numbers = [token for token in prose.tokens(worded) if any(letter.isdigit() for letter in token)]
    return any(token not in known for token in (*named, *numbers))


def _clean(words: str) -> str:
    words = prose.label(words)
    return words[:1].upper() + words[1:]


# --- what is printed -------------------------------------------------------------------------------------------------


def _worded(pick: Pick, place: _Place, said: _Answer, reranker: Reranker | None, cancel: Cancel) -> Pick:
    own = _printable(place)
    # What only says the picture's words again, or a part of them, says them worse than they are.
    adds = prose.content_words(said.caption) - prose.content_words(own)
    choices = [words for words in (said.caption if adds else "", own) if words]
    # A caption that was made for another picture and names what this one does not must not stand below it.
    wrong = bool(place.told) and (_invented(place.slot.caption, place.told) or _of_another(place))
    chosen = next((words for words in choices if wrong or _holds(words, place, reranker, cancel)), "")
    chosen = chosen or (prose.cut_words(place.own, CAPTION_LIMIT[place.language], place.language) if wrong else "")
    alt = pick.alt or said.seen or _described(place)
    return replace(pick, caption="" if chosen == place.slot.caption else chosen, alt=alt)


def _of_another(place: _Place) -> bool:
    """Whether the slot was worded for another picture, where two languages keep names from being compared.

    The query says in the picture's language what was looked for: a picture most of whose names it lacks is another, and
    so is one that has none of the names it asks for.
    """
    if not (place.foreign and prose.names(place.told)):
        return False
    own = prose.content_words(" ".join(_CAPITALISED.findall(place.told)))
    said = prose.content_words(f"{place.slot.query} {place.slot.caption} {place.heading} {place.text}")
    asked = prose.content_words(" ".join(prose.names(place.slot.query)))
    return len(own & said) < len(own) / 2 or (bool(asked) and not asked & prose.content_words(place.told))


def _printable(place: _Place) -> str:
    """The picture's own words as a caption; empty where they are too few, too many, or another language's."""
    own = prose.cut_words(place.own, CAPTION_LIMIT[place.language], place.language)
    telling = [word for word in prose.content_words(own) if word.isalpha()]
    return own if len(telling) >= 2 and not place.foreign else ""


def _described(place: _Place) -> str:
    """What the picture's own words tell of what is seen."""
    whole = place.picture.caption or place.own
    if "(" in whole or not place.own:
        return place.own
    words = prose.cut_words(whole, ALT_LIMIT[place.language], place.language)
    return words[:1].upper() + words[1:]


def _holds(worded: str, place: _Place, reranker: Reranker | None, cancel: Cancel) -> bool:
    """Whether the picture fits these words as well as the slot's; True where nobody can tell."""
    if reranker is None or place.slot.caption in ("", worded):
        return True
    context = prose.cut_words(place.text, CONTEXT, place.language)
    try:
        if place.language not in reranker.languages:
            return True
        new, old = (
            float(reranker.rerank([place.picture], words, context, cancel)[0]) for words in (worded, place.slot.caption)
        )
    except ComposerError:
        return True
    return not (math.isfinite(new) and math.isfinite(old)) or new >= old
