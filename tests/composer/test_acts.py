"""What was done to the pictures of an article, told from two states of it."""

from __future__ import annotations

from msgspec.structs import replace

from composer.acts import between, standing
from composer.types import Article, Block, Brief, Composition, Pick, Picture, Slot
from tests.composer.fakes import candidate


def picture(name: str) -> Picture:
    return Picture(id=name, path=f"/{name}.jpg", width=3, height=2, group=f"g-{name}")


def pick(slot: str, name: str | None, by: str = "program") -> Pick:
    return Pick(slot=slot, picture=picture(name) if name else None, reason="", by=by)  # type: ignore[arg-type]


def article() -> Composition:
    """A heading, three paragraphs, a slot after the first and after the last; the first has `mill`, the second none."""
    blocks = (
        Block(id="h", kind="heading", text="Mills", section=0),
        Block(id="a", kind="paragraph", text="First.", section=0),
        Block(id="b", kind="paragraph", text="Second.", section=0),
        Block(id="c", kind="paragraph", text="Third.", section=0),
    )
    slots = (
        Slot(id="s1", after="a", caption="A mill", query="mill"),
        Slot(id="s2", after="c", caption="", query="keep"),
    )
    considered = tuple(replace(candidate(name, 0.5, vector=0.3), picture=picture(name)) for name in ("mill", "keep"))
    return Composition(
        brief=Brief(topic="Mills"), article=Article("On mills", blocks), slots=slots,
        candidates={"s1": considered, "s2": considered[1:]}, models={"encoder": "e"},
        picks={"s1": pick("s1", "mill"), "s2": pick("s2", None)},
    )  # fmt: skip


def slots_of(composition: Composition) -> tuple[Slot, ...]:
    assert composition.slots is not None
    return composition.slots


def chosen(composition: Composition, slot: str, name: str | None) -> Composition:
    return replace(composition, picks={**composition.picks, slot: pick(slot, name, "writer")})


def test_a_swap_carries_all_that_it_was_decided_on() -> None:
    before = article()
    (act,) = between(before, chosen(before, "s1", "keep"))
    assert (act.deed, act.was, act.now, act.by) == ("swap", "mill", "keep", "writer")
    assert (act.heading, act.before, act.after, act.place, act.blocks) == ("Mills", "First.", "Second.", 0, 3)
    assert [each.id for each in act.candidates] == ["mill", "keep"]
    first = act.candidates[0]
    assert (first.signals["vector"], first.final, first.group) == (0.3, 0.5, "g-mill")
    assert (act.slot.query, act.models, act.title) == ("mill", {"encoder": "e"}, "On mills")


def test_a_picture_for_an_empty_place_and_one_taken_out() -> None:
    before = article()
    (filled,) = between(before, chosen(before, "s2", "keep"))
    (emptied,) = between(before, chosen(before, "s1", None))
    assert (filled.deed, filled.was, filled.now, filled.after) == ("swap", None, "keep", "")
    assert (emptied.deed, emptied.was, emptied.now) == ("remove", "mill", None)


def test_undoing_is_the_act_the_other_way_round() -> None:
    before = article()
    (act,) = between(chosen(before, "s1", "keep"), before)
    assert (act.deed, act.was, act.now, act.by) == ("swap", "keep", "mill", "program")


def test_a_picture_whose_place_changes_was_moved() -> None:
    before = article()
    slots = slots_of(before)
    after = replace(before, slots=(replace(slots[0], after="b"), replace(slots[1], after="b")))
    (act,) = between(before, after)
    assert (act.deed, act.was, act.now, act.place, act.before) == ("move", "mill", "mill", 1, "Second.")


def test_a_place_that_goes_takes_its_picture_along() -> None:
    before = article()
    after = replace(before, slots=slots_of(before)[1:])
    (act,) = between(before, after)
    assert (act.deed, act.was, act.now, act.before) == ("remove", "mill", None, "First.")


def test_words_alone_are_no_act() -> None:
    before = article()
    slots = slots_of(before)
    assert between(before, replace(before, article=Article("Other", ()))) == ()
    assert between(before, replace(before, slots=(replace(slots[0], caption="Other"), slots[1]))) == ()
    same = {**before.picks, "s1": replace(before.picks["s1"], reason="said otherwise")}
    assert between(before, replace(before, picks=same)) == ()


def test_what_the_program_had_not_chosen_yet_is_no_act_of_the_writer() -> None:
    early = replace(article(), picks={})
    assert between(article(), early) == ()
    assert between(early, article()) == ()
    (act,) = between(early, chosen(early, "s1", "keep"))
    assert act.now == "keep"


def test_what_stands_at_an_export_is_accepted_with_who_chose_it() -> None:
    composition = chosen(article(), "s1", "keep")
    first, second = standing(composition)
    assert (first.deed, first.now, first.by) == ("accept", "keep", "writer")
    assert (second.deed, second.now, second.by) == ("accept", None, "program")
    assert standing(Composition(brief=Brief(topic="x"))) == ()


def test_long_paragraphs_are_cut_and_one_article_has_one_name() -> None:
    before = article()
    long = Article("On mills", tuple(replace(block, text=block.text * 5000) for block in before.article.blocks))  # type: ignore[union-attr]
    grown = replace(before, article=long)
    (act,) = between(grown, chosen(grown, "s1", "keep"))
    assert len(act.before) == 2000
    (other,) = between(before, chosen(before, "s1", "keep"))
    assert act.article == other.article
    assert standing(replace(before, brief=Brief(topic="Keeps")))[0].article != act.article
