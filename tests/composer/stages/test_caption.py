"""Captions of the pictures chosen: tied to the text where that is safe, the picture's own words else, never made up."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from msgspec.structs import replace

from composer.errors import Cancelled, ModelFailed
from composer.ports import PLACE, Cancel, Capabilities, Prompt, Vectors, Writer
from composer.prompts import prompts
from composer.stages.caption import caption, marks, own_words
from composer.types import OPENING, Article, Brief, Language, Pick, Picture, Slot
from tests.composer.fakes import ScriptedWriter, WordsReranker, heading, paragraph, picture, slot

TEXT = "The miller opens the door before six. The windmill on the ridge was made of oak and stone."
ZH = "磨坊主清晨推开木门。山脊上的风车是用橡木和石头造的。"
MILL = "windmill (Schillingstedt windmill 2)"
OWN = "Schillingstedt windmill"


def said(words: str, seen: str | None = None) -> str:
    return json.dumps({"caption": words} if seen is None else {"seen": seen, "caption": words}, ensure_ascii=False)


def seeing(answer: str) -> ScriptedWriter:
    writer = ScriptedWriter([answer])
    writer.capabilities = Capabilities(context=4096, languages=("en", "zh"), vision=True, shown=True)
    return writer


def article(language: Language = "en") -> Article:
    return Article("Wind", (heading(0, "On the ridge"), paragraph("p0", ZH if language == "zh" else TEXT)))


def run(
    writer: Writer | None,
    own: str | Picture = MILL,
    reranker: object = None,
    language: Language = "en",
    cancel: Cancel | None = None,
    pick: Pick | None = None,
    **changes: object,
) -> Pick:
    """The pick of one slot, with its words."""

    def asked() -> Writer:
        assert writer is not None, "nothing is to be asked"
        return writer

    place = replace(slot("s1", "p0", "What was wanted"), **changes)
    shown = own if isinstance(own, Picture) else picture("x", caption=own)
    picks = {"s1": pick or Pick(slot="s1", picture=shown, reason="r")}
    brief = Brief(topic="Mills", language=language)
    stage = caption([place], picks, article(language), brief, asked, reranker, cancel or Cancel())  # pyright: ignore[reportArgumentType]
    while True:
        try:
            assert 0 <= next(stage) <= 1
        except StopIteration as end:
            (made,) = end.value
            return made


def test_the_writer_ties_picture_and_text() -> None:
    writer = ScriptedWriter([said("The windmill of Schillingstedt, made of oak and stone.")])
    made = run(writer)
    assert made.caption == "The windmill of Schillingstedt, made of oak and stone"
    assert made.alt == OWN, "what is seen is told by the picture alone"
    (prompt,) = writer.prompts
    assert OWN in prompt.messages[-1].content
    assert "oak and stone" in prompt.messages[-1].content, "the sentence, not the whole paragraph"
    assert "before six" not in prompt.messages[-1].content
    assert prompt.schema is not None
    assert prompt.temperature <= 0.3


@pytest.mark.parametrize(
    "words",
    [
        "The windmill of Schillingstedt near Hamburg",  # a name that nobody gave
        "The windmill of 1782 on the ridge",  # a number
        "The windmill on the ridge with red sails",  # a thing
        "Made of oak and stone on the ridge",  # nothing of the picture
        "The windmill on the ridge was made of oak and stone",  # the text once more
        "Windmill",
        "The windmill " + "on the ridge " * 8,  # too long
        "石头造的风车",
        prompts("en").caption.example_answer.split('"')[3],
    ],
)
def test_what_cannot_be_believed_gives_way_to_the_pictures_own_words(words: str) -> None:
    assert run(ScriptedWriter([said(words)])).caption == OWN


@pytest.mark.parametrize("answer", ["", "no", "{}", '{"caption":3}', '{"caption":"The wind', "[]"])
def test_a_writer_that_fails_costs_nothing(answer: str) -> None:
    made = run(ScriptedWriter([answer]))
    assert (made.caption, made.alt) == (OWN, OWN)


def test_a_writer_that_breaks_costs_nothing() -> None:
    def broken(_prompt: Prompt) -> str:
        raise ModelFailed("It ended.")

    assert run(ScriptedWriter(broken)).caption == OWN


def test_giving_up_is_no_failure() -> None:
    cancel = Cancel()

    def stops(_prompt: Prompt) -> str:
        cancel.cancel()
        return said("x")

    with pytest.raises(Cancelled):
        run(ScriptedWriter(stops), cancel=cancel)


@pytest.mark.parametrize("own", ["", "IMG_2041", "DSC01234.JPG"])
def test_nothing_is_made_up_from_nothing(own: str) -> None:
    made = run(ScriptedWriter([said("The windmill on the ridge")]), own)
    assert (made.caption, made.alt) == ("", "")


def test_nothing_is_asked_where_text_and_picture_have_nothing_in_common() -> None:
    writer = ScriptedWriter([said("A fish in the windmill")])
    made = run(writer, "a fish (Coris julis 24 05 07)")
    assert made.caption == "A fish (Coris julis)"
    assert not writer.prompts


def test_one_plain_word_is_no_caption() -> None:
    made = run(ScriptedWriter([""]), "windmill, outdoors")
    assert (made.caption, made.alt) == ("", "Windmill, outdoors")
    assert run(ScriptedWriter([said("Windmill of oak on the ridge")]), "windmill").caption


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        ("The ridge with the windmill", ""),
        ("Stone below the windmill of Schillingstedt", ""),
        ("Windmills of Schillingstedt on the ridge", "Windmills of Schillingstedt on the ridge"),
    ],
)
def test_what_a_caption_begins_with_is_what_the_picture_shows(words: str, printed: str) -> None:
    assert run(ScriptedWriter([said(words)])).caption == (printed or OWN)


@pytest.mark.parametrize(
    ("query", "printed"),
    [
        ("Egeskov Castle, Denmark, a castle in a lake", "Eilean Donan castle"),
        ("Eilean Donan castle, a castle at the shore", ""),
    ],
)
def test_below_another_castle_the_slots_chinese_caption_does_not_stand(query: str, printed: str) -> None:
    made = run(ScriptedWriter([]), "Eilean Donan castle", language="zh", caption="丹麦的城堡", query=query)
    assert made.caption == printed


def test_what_was_asked_for_by_name_and_is_not_there_is_not_printed() -> None:
    query = "The windmill of Venice in Italy, a windmill in Venice"
    shown = "windmill (Windmill harbour Rhodes)"
    made = run(ScriptedWriter([]), shown, language="zh", caption="威尼斯风车", query=query)
    assert made.caption == "Windmill harbour Rhodes"
    plain = run(
        ScriptedWriter([]), shown, language="zh", caption="港口的风车", query="a windmill at a harbour in Rhodes"
    )
    assert plain.caption == ""


def test_a_thing_without_a_name_takes_the_slots_words_in_another_language() -> None:
    assert (
        run(ScriptedWriter([]), "Windmill", language="zh", caption="老风车", query="a mill in the fields").caption == ""
    )


def test_what_the_writer_worded_or_left_empty_stays() -> None:
    worded = run(None, worded=True)
    assert (worded.caption, worded.alt) == ("", "")
    empty = Pick(slot="s1", picture=None, reason="Nothing fits.", shot="A mill")
    assert run(None, pick=empty) == empty
    mine = Pick(slot="s1", picture=picture("x", caption=MILL), reason="r", by="writer", caption="old", alt="My words")
    made = run(ScriptedWriter([""]), pick=mine)
    assert (made.caption, made.alt, made.by) == (OWN, "My words", "writer")


def test_a_writer_of_another_language_is_not_asked() -> None:
    writer = ScriptedWriter([said("x")], languages=("zh",))
    assert run(writer).caption == OWN
    assert not writer.prompts


class Judge(WordsReranker):
    """Likes what it was told to like, and remembers what it was asked."""

    def __init__(self, scores: dict[str, float], languages: tuple[Language, ...] = ("en",)) -> None:
        super().__init__()
        self.scores, self.languages = scores, languages
        self.asked: list[tuple[str, str]] = []

    def rerank(self, pictures: Sequence[Picture], caption: str, context: str, cancel: Cancel) -> Vectors:
        cancel.check()
        assert len(pictures) == 1
        self.asked.append((caption, context))
        return np.array([self.scores.get(caption, 0.0)], np.float32)


def test_a_caption_that_the_picture_fits_less_than_the_slots_is_not_taken() -> None:
    tied = "The windmill of Schillingstedt, made of oak and stone"
    for scores, printed in (
        ({"What was wanted": 0.5, tied: 0.5, OWN: 0.9}, tied),
        ({"What was wanted": 0.5, tied: 0.4, OWN: 0.6}, OWN),
        ({"What was wanted": 0.5, tied: 0.4, OWN: 0.4}, ""),
        ({"What was wanted": float("nan"), tied: 0.4}, tied),
    ):
        judge = Judge(scores)
        assert run(ScriptedWriter([said(tied)]), reranker=judge).caption == printed
        assert judge.asked[0] == (tied, TEXT.split("six. ")[1])
    deaf = Judge({}, languages=("zh",))
    assert run(ScriptedWriter([said(tied)]), reranker=deaf).caption == tied
    assert not deaf.asked, "it does not read the language"


def test_a_judge_that_breaks_costs_nothing() -> None:
    class Broken(Judge):
        def rerank(self, *_: object) -> Vectors:  # pyright: ignore[reportIncompatibleMethodOverride]
            raise ModelFailed("It ended.")

    assert run(ScriptedWriter([""]), reranker=Broken({})).caption == OWN


def test_a_writer_that_sees_says_what_is_seen() -> None:
    writer = seeing(said("A windmill with red sails on the ridge", "A wooden windmill with red sails in the sun"))
    made = run(writer, "")
    assert made.caption == "A windmill with red sails on the ridge"
    assert made.alt == "A wooden windmill with red sails in the sun"
    message = writer.prompts[0].messages[-1]
    assert message.content.count(PLACE) == len(message.pictures) == 1
    guess = run(seeing(said("A windmill in Hamburg", "A windmill of Hamburg in the sun")))
    assert (guess.caption, guess.alt) == (OWN, OWN), "also one that sees does not know names"


def test_chinese_captions_of_chinese_words() -> None:
    tied = "山脊上的老风车，用橡木和石头造"
    writer = ScriptedWriter([said(tied), said("荷兰港口边的三十座彩色大风车")])
    assert run(writer, "山脊上的风车", language="zh").caption == tied
    guessed = run(ScriptedWriter([said("荷兰港口边的三十座彩色大风车")]), "山脊上的风车", language="zh")
    assert guessed.caption == "山脊上的风车"


def test_words_of_another_language_are_translated_where_they_name_nothing() -> None:
    pier = "wooden pier on a foggy lake, black and white"
    made = run(ScriptedWriter([said("雾中湖上的木栈桥")]), pier, language="zh")
    assert (made.caption, made.alt) == ("雾中湖上的木栈桥", "雾中湖上的木栈桥")
    writer = ScriptedWriter([said("克罗地亚的风车")])
    named = run(writer, "Mykonos windmills", language="zh")
    assert (named.caption, named.alt) == ("", "Mykonos windmills"), "a name in other letters is a guess"
    assert not writer.prompts
    assert run(ScriptedWriter([said("wooden pier")]), pier, language="zh").caption == ""


@pytest.mark.parametrize(
    ("words", "own"),
    [
        ("windmill (Mykonos windmills 2), energy", "Mykonos windmills"),
        ("a fish (Coris julis 24 05 07 male)", "A fish (Coris julis male)"),
        ("India Gate (India Gate 5)", "India Gate"),
        ("zimni Palace (WinterPalactNight center)", "Zimni Palace"),
        ("leaning Tower (Пізанська вежа. Pisa tower)", "Leaning Tower"),
        ("kutub Minar (KUTUB MINAR DELHI INDIA)", "Kutub Minar Delhi India"),
        ("silos, outdoors", "Silos"),
        ("Egeskov Castle, Denmark", "Egeskov Castle, Denmark"),
        ("Vincent van Gogh, The Harvest - 1888", "Vincent van Gogh, The Harvest - 1888"),
        ("Castillo de San Marcos. Set on more than 20 acres.", "Castillo de San Marcos"),
        ("岸边的小船。退潮", "岸边的小船"),
        ("IMG_2041", ""),
        ("  ", ""),
    ],
)
def test_own_words(words: str, own: str) -> None:
    assert own_words(picture("x", caption=words)) == own


def test_own_words_of_a_picture_without_a_caption() -> None:
    assert own_words(replace(picture("x"), title="a red boat", people="Ana Lind")) == "A red boat"
    assert (
        own_words(replace(picture("x"), people="Ana Lind; Bo Ek", place="Ravensburg")) == "Ana Lind, Bo Ek, Ravensburg"
    )


def test_marks_change_with_what_the_words_are_made_from_alone() -> None:
    place, whole = slot("s1", "p0", "Wanted"), article()
    pick = Pick(slot="s1", picture=picture("x", caption=MILL), reason="r")

    def mark(place: Slot = place, pick: Pick = pick, text: Article = whole) -> str:
        (made,) = marks([place], {"s1": pick}, text, "en")
        return made

    assert mark(pick=replace(pick, reason="other", caption="c", alt="a")) == mark()
    edited = Article("Wind", (*whole.blocks[:1], paragraph("p0", "Another text.")))
    other = replace(pick, picture=picture("y", caption=MILL))
    changed = [
        mark(replace(place, caption="x")), mark(replace(place, sentence="x")), mark(replace(place, worded=True)),
        mark(pick=other), mark(pick=replace(pick, picture=None)), mark(text=edited),
        mark(replace(place, after=OPENING), text=Article("Other", (paragraph("p1", "Other."),))),
    ]  # fmt: skip
    assert len({mark(), *changed}) == len(changed) + 1
    told = replace(place, sentence=TEXT.split("six. ")[1])
    beside = Article("Wind", (*whole.blocks[:1], paragraph("p0", f"Wind blows. {told.sentence}")))
    assert mark(told, text=beside) == mark(told), "an edit beside the sentence is none of the words"
    assert marks([place], {}, whole, "en") == [mark(pick=replace(pick, picture=None))]
