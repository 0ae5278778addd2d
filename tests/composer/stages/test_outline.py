"""Whatever the model answers, the outline has the right number of sections, all different."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from composer import prose
from composer.errors import Cancelled
from composer.ports import Cancel, Prompt
from composer.prompts import prompts
from composer.stages.outline import HEADING_LETTERS, MOST_SECTIONS, outline, passages_for
from composer.types import Brief, Outline
from tests.composer.fakes import ScriptedWriter, is_outline

LONGEST = 170
SUBJECTS = ["The old lighthouse", "A fishing harbour", "Nets and ropes", "The smokehouse", "Winter storms"]
BRIEF = Brief(topic="Life on an island", length=600)


def run(
    writer: ScriptedWriter, brief: Brief = BRIEF, hints: dict[str, str] | None = None
) -> tuple[Outline, list[float]]:
    stage = outline(brief, hints or {}, LONGEST, writer, Cancel())
    shares: list[float] = []
    while True:
        try:
            shares.append(next(stage))
        except StopIteration as end:
            return end.value, shares


def answer(subjects: list[str], title: str = "Five days on an island") -> str:
    return json.dumps({"sections": [{"subject": subject} for subject in subjects], "title": title})


def headings(made: Outline) -> list[str]:
    return [section.heading for section in made.sections]


def only_first(text: str) -> Callable[[Prompt], str]:
    """Answers the outline's request, and nothing else."""
    return lambda prompt: text if is_outline(prompt) else ""


def test_a_good_answer_is_kept_as_it_is() -> None:
    writer = ScriptedWriter([answer(SUBJECTS)])
    made, shares = run(writer)
    assert headings(made) == SUBJECTS
    assert made.title == "Five days on an island"
    assert len(writer.prompts) == 1
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)


def test_the_request_names_brief_and_pictures() -> None:
    writer = ScriptedWriter([answer(SUBJECTS)])
    run(
        writer,
        Brief(topic="Life on an island", notes="ferry at noon", audience="children"),
        {"a red boat": "A red boat"},
    )
    asked = writer.prompts[0]
    request = asked.messages[-1].content
    for part in ("Life on an island", "ferry at noon", "children", "a red boat"):
        assert part in request
    assert asked.fresh
    assert asked.schema is not None


@pytest.mark.parametrize(
    "poor",
    [
        "",
        "I'm sorry, I can't do that.",
        "{}",
        "[]",
        "null",
        '{"sections": "none"}',
        '{"sections":[{"subject":7}],"title":"x"}',
        answer(["The old lighthouse"] * 5),
        answer(["", "  ", "...", "Life on an island", "life on an ISLAND"]),
        answer(["The lighthouse", "Lighthouses", "the LIGHTHOUSE.", "A lighthouse", "Lighthouse"]),
    ],
    ids=["nothing", "refusal", "empty", "list", "null", "string", "number", "one", "topic", "plurals"],
)
def test_a_poor_answer_still_gives_distinct_sections(poor: str) -> None:
    made, _ = run(ScriptedWriter(only_first(poor)))
    assert len(made.sections) == 5
    assert len({prose.key(heading) for heading in headings(made)}) == 5
    assert all(section.heading and section.points for section in made.sections)
    assert prose.key(BRIEF.topic) not in {prose.key(heading) for heading in headings(made)}
    assert made.title


def test_an_answer_cut_short_keeps_its_whole_sections() -> None:
    cut = answer(SUBJECTS)[: answer(SUBJECTS).index("Winter")]
    writer = ScriptedWriter([cut, "Gulls and terns"])
    made, _ = run(writer)
    assert headings(made) == [*SUBJECTS[:4], "Gulls and terns"]


def test_repeated_subjects_are_asked_for_again_and_named_as_taken() -> None:
    writer = ScriptedWriter(
        [answer([*SUBJECTS[:4], "The smokehouse"]), "The old lighthouse", '"Gulls and terns."\nmore']
    )
    made, _ = run(writer)
    assert headings(made) == [*SUBJECTS[:4], "Gulls and terns"]
    assert all(subject in writer.prompts[1].messages[-1].content for subject in SUBJECTS[:4])
    assert writer.prompts[1].seed != writer.prompts[2].seed, "the same question would get the same answer"


def test_a_writer_that_repeats_itself_is_asked_a_bounded_number_of_times() -> None:
    writer = ScriptedWriter(lambda prompt: answer(["Boats"]) if is_outline(prompt) else "Boats")
    made, _ = run(writer)
    assert len(made.sections) == 5
    assert len(writer.prompts) <= 1 + 3 * 5
    assert headings(made)[1:] == list(prompts("en").outline.aspects[:4])


def test_too_many_sections_are_cut() -> None:
    made, _ = run(ScriptedWriter([answer([*SUBJECTS, "Gulls and terns", "Peat and heather"])]))
    assert headings(made) == SUBJECTS


def test_pictures_give_subjects_and_anchors() -> None:
    hints = {"a red boat": "A red boat drawn up on the shingle", "an old mill": "An old mill with two sails"}
    body = {"sections": [{"picture": "an old mill"}, {"subject": "Red boats"}], "title": "Of boats and mills"}
    made, _ = run(ScriptedWriter([json.dumps(body)]), Brief(topic="The shore", length=250), hints)
    assert [section.anchor for section in made.sections] == [hints["an old mill"], hints["a red boat"]]
    assert headings(made)[0] == "An old mill"


def test_missing_sections_come_from_the_library_first() -> None:
    hints = {"a red boat": "A red boat on the shingle", "an old mill": "An old mill"}
    writer = ScriptedWriter(only_first(""))
    made, _ = run(writer, Brief(topic="The shore", length=250), hints)
    assert headings(made) == ["A red boat", "An old mill"]
    assert len(writer.prompts) == 1


def test_a_picture_that_is_not_there_is_no_anchor() -> None:
    body = {"sections": [{"picture": "a golden palace"}, {"subject": "Peat"}], "title": "Of palaces"}
    made, _ = run(
        ScriptedWriter([json.dumps(body)]), Brief(topic="The shore", length=250), {"a red boat": "A red boat"}
    )
    assert [section.anchor for section in made.sections] == ["", ""]


@pytest.mark.parametrize("length", [100, 131, 300, 1000, 2500, 8000])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_sections_and_passages_for_every_length(length: int, language: str) -> None:
    brief = Brief(topic="灯塔" if language == "zh" else "Lighthouses", length=length, language=language)
    made, _ = run(ScriptedWriter(only_first("")), brief)
    passages = passages_for(brief, LONGEST)
    shared = [len(section.points) for section in made.sections]
    assert sum(shared) == passages
    # The aspects are the last resort; they are fewer than the most sections there may be.
    assert len(made.sections) >= min(passages, MOST_SECTIONS, len(prompts(language).outline.aspects))
    assert max(shared) - min(shared) <= 1
    assert length / passages <= LONGEST


def test_chinese_subjects_are_kept_and_told_apart() -> None:
    body = {
        "sections": [{"picture": "none", "subject": each} for each in ("老灯塔", "老灯塔", "渔港")],
        "title": "海岛五日",
    }
    writer = ScriptedWriter([json.dumps(body, ensure_ascii=False), "“海上的风”"])
    made, _ = run(writer, Brief(topic="岛上的生活", language="zh", length=500))
    assert headings(made) == ["老灯塔", "渔港", "海上的风"]
    assert made.title == "海岛五日"


@pytest.mark.parametrize("title", ["", "x", "Island Island", "«»"])
def test_a_title_that_says_nothing_becomes_the_topic(title: str) -> None:
    made, _ = run(ScriptedWriter([answer(SUBJECTS, title)]))
    assert made.title == "Life on an island"


def test_a_heading_cut_at_the_bound_loses_its_half_word() -> None:
    long = "The very long and winding road to the lighthouse keeper"[:HEADING_LETTERS]
    made, _ = run(ScriptedWriter([answer([long, *SUBJECTS[1:]])]))
    assert long.startswith(headings(made)[0])
    assert headings(made)[0].split()[-1] in "The very long and winding road to the lighthouse".split()  # noqa: SIM905


def test_cancel() -> None:
    cancel, writer = Cancel(), ScriptedWriter([answer(SUBJECTS)])
    stage = outline(BRIEF, {}, LONGEST, writer, cancel)
    next(stage)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(stage)
    assert writer.streamed == 1
