"""Why a place has its picture: every figure follows from what is stored, every "if" holds when it is carried out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from composer import wording
from composer.errors import ProjectError
from composer.explanation import explain, kept_weights, weights_in
from composer.grounds import Change, Explanation
from composer.stages.assign import assign
from composer.stages.rank import Signal, Weights, final_score
from composer.types import OPENING, Article, Brief, Candidate, Composition, Pick, SignalName
from tests.composer.fakes import candidate, paragraph, picture, slot

WEIGHTS = Weights({"vector": Signal(0.5, 0.3, 0.1), "words": Signal(0.3), "rerank": Signal(0.2)})
NEEDED = 0.4


def scored(name: str, vector: float, words: float | None = None, rerank: float = 0.5, group: str = "") -> Candidate:
    found = candidate(name, group=group, vector=vector, words=words, rerank=rerank)
    return replace(found, final=final_score(found.signals, WEIGHTS))


def decided(
    candidates: dict[str, tuple[Candidate, ...]], kept: dict[str, Pick] | None = None, needed: float = NEEDED
) -> Composition:
    slots = tuple(slot(name) for name in candidates)
    picks = {pick.slot: pick for pick in assign(slots, candidates, needed, kept)}
    text = Article("Mills", (paragraph("p0", "A mill stands high. The wind is strong."),))
    return Composition(
        brief=Brief(topic="mills"), article=text, slots=slots, candidates=candidates, picks=picks,
        weights=kept_weights(WEIGHTS), empty_below=needed,
    )  # fmt: skip


def change(explanation: Explanation, kind: str, signal: SignalName | None = None) -> Change | None:
    return next((each for each in explanation.changes if each.kind == kind and each.signal == signal), None)


ONE = {"s1": (scored("mill", 0.4, 0.9), scored("keep", 0.45, 0.1), scored("lane", 0.1, 0.0))}
TWO = {
    "s1": (scored("mill", 0.45, 0.9), scored("keep", 0.35, 0.5)),
    "s2": (scored("mill", 0.5, 1.0), scored("lane", 0.2, 0.1)),
}


def test_the_shares_add_up_to_the_score() -> None:
    found = explain(decided(ONE), "s1")
    assert (found.decided, found.picture, found.place, found.considered, found.better) == ("program", "mill", 1, 3, 0)
    assert found.weighed
    assert found.final is not None
    assert sum(part.share for part in found.parts) == pytest.approx(found.final)
    assert sum(part.weight for part in found.parts) == pytest.approx(1.0)
    assert [part.signal for part in found.parts] == ["vector", "words", "rerank"]
    words = found.parts[1]
    assert (words.value, words.level, words.weight) == (0.9, 0.9, pytest.approx(0.3))


def test_a_signal_that_was_not_measured_is_told_as_such() -> None:
    found = explain(decided({"s1": (scored("mill", 0.9),)}), "s1")
    assert found.weighed
    assert [(part.signal, part.value, round(part.weight, 3)) for part in found.parts] == [
        ("vector", 0.9, 0.5), ("words", None, 0.3), ("rerank", 0.5, 0.2),
    ]  # fmt: skip
    assert sum(part.share for part in found.parts) == pytest.approx(found.final)
    assert [wording.part_name(found.parts[1], language) for language in ("en", "zh")] == [
        "Words (not known)",
        "文字（不详）",
    ]


def test_the_next_best_and_what_spoke_against_them() -> None:
    keep, lane = explain(decided(ONE), "s1").rivals
    assert (keep.picture, keep.signal, keep.serves) == ("keep", "words", "")
    assert keep.gain == pytest.approx(0.3 * 0.8)
    assert (lane.picture, lane.signal) == ("lane", "vector")


def test_near_duplicates_of_the_picture_are_no_rivals() -> None:
    twins = {"s1": (scored("mill", 0.5, 0.9, group="m"), scored("copy", 0.4, 0.9, group="m"), scored("keep", 0.3))}
    assert [rival.picture for rival in explain(decided(twins), "s1").rivals] == ["keep"]


def test_a_threshold_that_would_empty_the_place() -> None:
    composition = decided(ONE)
    found = explain(composition, "s1")
    told = change(found, "threshold")
    assert told is not None
    assert (told.picture, told.value) == ("", found.final)
    assert decided(ONE, needed=told.value).picks["s1"].picture is not None
    assert decided(ONE, needed=told.value + 0.01).picks["s1"].picture is None


def test_a_threshold_that_would_move_a_picture_here() -> None:
    """Raising it empties another place, and what stood there serves here: told as it would be."""
    both = {
        "s1": (scored("mill", 0.6, 1.0, 1.0), scored("keep", 0.3, 0.4)),
        "s2": (scored("mill", 0.48, 1.0, 1.0),),
    }
    best, second = both["s1"]
    other = both["s2"][0]
    assert second.final + other.final > best.final + NEEDED, "else the example does not hold"
    composition = decided(both)
    assert composition.picks["s1"].picture == second.picture
    told = change(explain(composition, "s1"), "threshold")
    assert told is not None
    assert (told.picture, told.slot) == ("mill", "s2")
    assert wording.about_change(told, explain(composition, "s1"), "en").endswith("It stands at picture 2 now.")


def test_without_a_signal_another_would_fit_better() -> None:
    told = change(explain(decided(ONE), "s1"), "signal", "words")
    assert told is not None
    assert (told.picture, told.name) == ("keep", "keep")
    others = Weights({name: signal for name, signal in WEIGHTS.signals.items() if name != "words"})
    assert told.value == pytest.approx(final_score(ONE["s1"][1].signals, others))
    assert change(explain(decided(ONE), "s1"), "signal", "rerank") is None


def test_without_a_signal_nothing_would_fit() -> None:
    weak = {"s1": (scored("mill", 0.1, 1.0, 0.9),)}
    told = change(explain(decided(weak), "s1"), "signal", "words")
    assert told is not None
    assert told.picture == ""
    assert told.value < NEEDED


def test_a_better_picture_serves_another_place() -> None:
    composition = decided(TWO)
    found = explain(composition, "s1")
    assert (found.picture, found.better) == ("keep", 1)
    assert (found.rivals[0].picture, found.rivals[0].serves, found.rivals[0].place) == ("mill", "s2", 2)
    assert found.rivals[0].signal is None
    told = change(found, "place")
    assert told is not None
    assert (told.slot, told.place, told.picture) == ("s2", 2, "mill")
    gone = change(found, "picture")
    assert gone is not None
    assert gone.picture == "", "mill is worth more at the other place"


def test_what_comes_when_the_picture_is_gone() -> None:
    gone = change(explain(decided(ONE), "s1"), "picture")
    assert gone is not None
    assert gone.picture == "keep"


def test_an_empty_place() -> None:
    weak = {"s1": (scored("mill", 0.2, 0.1, 0.9), scored("keep", 0.1))}
    found = explain(decided(weak), "s1")
    assert (found.decided, found.picture, found.final) == ("program", "", None)
    assert found.rivals[0].picture == "mill"
    assert found.held_back == "vector"
    assert found.parts[0].signal == "rerank"
    told = change(found, "threshold")
    assert told is not None
    assert (told.picture, told.value) == ("mill", weak["s1"][0].final)
    assert decided(weak, needed=told.value).picks["s1"].picture == picture("mill")
    without = change(found, "signal", "vector")
    assert without is not None
    assert (without.picture, without.value) == ("mill", pytest.approx(0.42))


def test_a_place_emptied_by_another() -> None:
    found = explain(decided({"s1": TWO["s1"][:1], "s2": TWO["s2"]}), "s1")
    assert found.picture == ""
    assert found.rivals[0].place == 2
    told = change(found, "place")
    assert told is not None
    assert told.picture == "mill"
    assert change(found, "threshold") is None


def test_a_place_that_nothing_was_found_for() -> None:
    found = explain(decided({"s1": ()}), "s1")
    assert (found.considered, found.parts, found.rivals, found.changes) == (0, (), (), ())


def test_the_choice_of_the_writer() -> None:
    mine = Pick(slot="s1", picture=picture("lane"), reason="", by="writer")
    found = explain(decided(ONE, {"s1": mine}), "s1")
    assert (found.decided, found.picture, found.final, found.better) == ("writer", "lane", ONE["s1"][2].final, 2)
    assert [(told.kind, told.picture) for told in found.changes] == [("choice", "mill")]
    own = Pick(slot="s1", picture=picture("own"), reason="", by="writer")
    brought = decided({"s1": (candidate("own"), *ONE["s1"])}, {"s1": own})
    found = explain(brought, "s1")
    assert (found.name, found.final, found.parts, found.considered) == ("own", None, (), 3)


def test_without_the_weights_only_what_is_stored_is_told() -> None:
    composition = replace(decided(ONE), weights={})
    found = explain(composition, "s1")
    assert not found.weighed
    assert found.parts[0].share == 0
    assert found.rivals[0].signal is None
    assert {told.kind for told in found.changes} == {"threshold", "picture"}
    others = replace(composition, weights={"vector": (1.0, 0.3, 0.1)})
    assert not explain(others, "s1").weighed, "weights that do not give the scores are not those that decided"


def test_after_changes_by_hand_nothing_is_concluded_from_deciding_anew() -> None:
    composition = decided(TWO)
    mine = Pick(slot="s2", picture=None, reason="", by="writer")
    found = explain(replace(composition, picks={**composition.picks, "s2": mine}), "s1")
    assert found.changes == ()
    none = Pick(slot="s1", picture=None, reason="")
    found = explain(replace(decided(ONE), picks={"s1": none}), "s1")
    assert (found.held_back, found.changes) == (None, ())


def test_what_it_goes_with() -> None:
    composition = decided(ONE)
    assert explain(composition, "s1").sentence == "A mill stands high."
    own = replace(slot("s1", caption="The mill"), sentence="The wind is strong.", after=OPENING)
    found = explain(replace(composition, slots=(own,)), "s1")
    assert (found.sentence, found.words) == ("The wind is strong.", ())
    seen = replace(ONE["s1"][0], picture=replace(picture("mill"), caption="Old mill. Wind", words="mill high"))
    told = replace(
        composition, slots=(own,), candidates={"s1": (seen, *ONE["s1"][1:])},
        picks={"s1": Pick(slot="s1", picture=seen.picture, reason="")},
    )  # fmt: skip
    assert explain(told, "s1").words == ("mill", "wind", "high")
    assert explain(told, "s1").name == "Old mill"


def test_undecided_and_unknown() -> None:
    composition = replace(decided(ONE), picks={})
    found = explain(composition, "s1")
    assert (found.decided, found.changes) == ("nobody", ())
    with pytest.raises(ProjectError, match="no place s9"):
        explain(composition, "s9")
    assert weights_in(decided(ONE)).signals == WEIGHTS.signals


def test_every_if_of_a_crowded_article_holds() -> None:
    crowd = {
        f"s{at}": tuple(
            scored(f"p{(at * 2 + each) % 9}", 0.5 - 0.06 * each, 0.1 * ((at * each) % 7)) for each in range(5)
        )
        for at in range(6)
    }
    composition = decided(crowd)
    kinds: set[str] = set()
    for place in composition.slots or ():
        found = explain(composition, place.id)
        kinds |= {told.kind for told in found.changes}
        told = change(found, "picture")
        if told is not None:
            left = tuple(each for each in crowd[place.id] if each.picture.id != found.picture)
            now = decided({**crowd, place.id: left}).picks[place.id].picture
            assert told.picture == (now.id if now else "")
    assert kinds == {"threshold", "picture", "place", "signal"}
