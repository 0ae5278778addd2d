"""The section that says why: closed at first, asking only when it must, in the window's language."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from composer import project, wire, wording
from composer.explanation import explain, kept_weights
from composer.stages.rank import Signal, Weights, final_score
from composer.types import Candidate, Composition, Pick
from tests.ui import sample
from tests.ui.conftest import MakeShell
from ui import edits
from ui.app import Shell
from ui.explanation_section import ExplanationSection
from ui.texts import choose_language

WEIGHTS = Weights({"vector": Signal(0.3, 0.3, 0.05), "words": Signal(0.2), "rerank": Signal(0.5)})


def weighed(composition: Composition) -> Composition:
    """The sample with scores that its weights give; what nothing fits has weak ones."""

    def scored(each: Candidate, slot: str) -> Candidate:
        weak = 0.3 if slot == f"s{sample.EMPTY}" else 1.0
        signals = {name: value * weak for name, value in each.signals.items()}
        return replace(each, signals=signals, final=final_score(signals, WEIGHTS))

    candidates = {slot: tuple(scored(each, slot) for each in found) for slot, found in composition.candidates.items()}
    return replace(composition, candidates=candidates, weights=kept_weights(WEIGHTS))


@pytest.fixture
def shell(make_shell: MakeShell, pictures: Path, tmp_path: Path) -> Shell:
    made = make_shell()
    path = tmp_path / "castle.pictorial"
    project.save(weighed(sample.composition(pictures)), path)
    made.window.open(path)
    made.show()
    return made


def section(shell: Shell) -> ExplanationSection:
    return shell.window.work.candidates.why


def composition(shell: Shell) -> Composition:
    assert shell.parts.session.composition is not None
    return shell.parts.session.composition


def test_it_is_closed_until_it_is_asked(shell: Shell, qtbot: QtBot) -> None:
    why = section(shell)
    shell.window.work.select("s0")
    assert why.isVisible()
    assert not why.body.isVisible()
    assert why.toggle.text() == "Why this picture?"
    with qtbot.waitSignal(shell.parts.client.explained, timeout=15000):
        why.toggle.click()
    found = explain(composition(shell), "s0")
    assert found.weighed
    assert why.reasons.text().splitlines() == wording.reasons(found, "en")
    assert why.changes.text().splitlines() == [wording.about_change(each, found, "en") for each in found.changes]
    assert [(bar.name, bar.figures) for bar in why.bars.bars] == [("Judge", "44 / 50"), ("Look", "21 / 30"),
                                                                 ("Words", "16 / 20")]  # fmt: skip
    assert why.bars.accessibleName() == wording.points(found, "en")
    assert "Judge: 0.880" in why.bars.toolTip()


def test_it_follows_the_places(shell: Shell, qtbot: QtBot) -> None:
    why = section(shell)
    shell.window.work.select("s0")
    with qtbot.waitSignal(shell.parts.client.explained, timeout=15000):
        why.toggle.click()
    with qtbot.waitSignal(shell.parts.client.explained, timeout=15000):
        shell.window.work.select("s2")
        assert why.said == "", "nothing of the place before is left"
    assert why.toggle.text() == "Why no picture?"
    assert why.reasons.text().startswith("Nothing fits well enough: the best of 6,")
    assert "If a picture needed only" in why.changes.text()


def test_it_asks_again_only_when_something_it_rests_on_changed(shell: Shell, qtbot: QtBot) -> None:
    why, session = section(shell), shell.parts.session
    shell.window.work.select("s0")
    with qtbot.waitSignal(shell.parts.client.explained, timeout=15000):
        why.toggle.click()
    asked: list[str] = []
    why.asked.connect(lambda _composition, slot: asked.append(slot))
    article = composition(shell).article
    assert article is not None
    blocks = tuple(replace(each, text=each.text + " More.") if each.id == "b8" else each for each in article.blocks)
    session.edit(edits.with_text(composition(shell), article.title, blocks), "Edit")
    assert asked == []
    with qtbot.waitSignal(shell.parts.client.explained, timeout=15000):
        session.edit(edits.with_picture(composition(shell), "s0", None, "mine"), "Leave")
    assert asked == ["s0"]
    assert why.reasons.text().startswith("You left this place without a picture.")
    why.toggle.click()
    session.undo.undo()
    assert asked == ["s0"], "folded, it asks nothing"


def test_a_late_answer_is_for_nobody(shell: Shell, qtbot: QtBot) -> None:
    why = section(shell)
    shell.window.work.select("s0")
    with qtbot.waitSignal(shell.parts.client.explained, timeout=15000):
        why.toggle.click()
    before = why.said
    other = explain(composition(shell), "s1")
    shell.parts.client.explained.emit(10**6, wire.Explained(other))
    why.show_explanation(other)
    assert why.said == before


def test_an_engine_that_does_not_answer(shell: Shell, qtbot: QtBot) -> None:
    why = section(shell)
    shell.window.work.select("s0")
    with qtbot.waitSignal(why.asked):
        why.toggle.click()
    job = shell.parts.client._job
    shell.parts.client.failed.emit(job, wire.Failed("No.", ""))
    assert "cannot be told now" in why.said
    with qtbot.waitSignal(why.asked):
        why.toggle.click()
        why.toggle.click()


def test_nothing_is_explained_before_it_is_decided(qtbot: QtBot, pictures: Path) -> None:
    why = ExplanationSection()
    qtbot.addWidget(why)
    whole = weighed(sample.composition(pictures))
    why.show_slot(replace(whole, picks={}), "s0")
    assert why.isHidden()
    why.toggle.click()
    with qtbot.waitSignal(why.asked):
        why.show_slot(whole, "s0")
    assert not why.isHidden()


def test_it_speaks_chinese(qtbot: QtBot, pictures: Path) -> None:
    choose_language("zh")
    why = ExplanationSection()
    qtbot.addWidget(why)
    whole = weighed(sample.composition(pictures, "zh"))
    own = Pick(slot="s0", picture=None, reason="", by="writer")
    why.show_slot(replace(whole, picks={**whole.picks, "s0": own}), "s0")
    why.toggle.click()
    why.show_explanation(explain(replace(whole, picks={**whole.picks, "s0": own}), "s0"))
    assert why.toggle.text() == "为什么没有配图？"
    assert why.said.startswith("您选择此处不配图。\n对应的句子：“每一次长途步行")
    assert [bar.name for bar in why.bars.bars] == ["评判", "画面", "文字"]
