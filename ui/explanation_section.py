"""Why a place has its picture, or none: folded at first, asked for when it is opened."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QToolButton, QVBoxLayout, QWidget

from composer import wording
from composer.grounds import Explanation
from composer.types import Composition, Language
from ui.point_bars import Bar, PointBars
from ui.texts import language, text


class ExplanationSection(QWidget):
    """Asks for the reasons of the place that is shown, whenever it is open and they may have changed."""

    asked = Signal(object, str)
    """The composition, and the slot whose reasons are wanted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._composition: Composition | None = None
        self._slot = ""
        self._known: tuple[object, ...] = ()
        self.toggle = QToolButton()
        self.toggle.setCheckable(True)
        self.toggle.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.toggle.setArrowType(Qt.ArrowType.RightArrow)
        self.toggle.setStyleSheet("padding-left: 0;")
        self.toggle.toggled.connect(self._fold)
        self.body = QWidget()
        self.bars = PointBars()
        self.reasons, self.rivals, self.changes = _Lines("ink"), _Lines("quiet"), _Lines("quiet")
        self.others, self.otherwise = _Lines("heading"), _Lines("heading")
        for heading in (self.others, self.otherwise):
            heading.setContentsMargins(0, 6, 0, 0)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(10, 2, 0, 6)
        column.setSpacing(6)
        for part in (self.reasons, self.bars, self.others, self.rivals, self.otherwise, self.changes):
            column.addWidget(part)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.toggle, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.body)
        self.body.hide()
        self.show_slot(None, "")

    def show_slot(self, composition: Composition | None, slot: str) -> None:
        """Another place, or another state of it; nothing is to be explained before it is decided."""
        pick = composition.picks.get(slot) if composition else None
        self.setVisible(pick is not None)
        stands = pick is not None and pick.picture is not None
        self.toggle.setText(text("Why this picture?") if stands else text("Why no picture?"))
        if slot != self._slot:
            self._clear()
        self._composition, self._slot = composition, slot if pick is not None else ""
        self._ask()

    def show_explanation(self, explanation: Explanation) -> None:
        """The answer for the place that is shown; any other is passed over."""
        if explanation.slot != self._slot:
            return
        spoken = _spoken()
        self.reasons.show_lines(wording.reasons(explanation, spoken))
        self.bars.show_bars(_bars(explanation), wording.points(explanation, spoken))
        self.bars.setToolTip(_measured(explanation))
        rivals = wording.others(explanation)
        self.others.show_lines([text("Other pictures")] if rivals else [])
        self.rivals.show_lines([wording.about_rival(rival, explanation, spoken) for rival in rivals])
        self.otherwise.show_lines([text("What would have changed it")] if explanation.changes else [])
        self.changes.show_lines([wording.about_change(each, explanation, spoken) for each in explanation.changes])

    def show_problem(self) -> None:
        """The engine did not answer."""
        self._clear()
        self.reasons.show_lines([text("The reasons cannot be told now. Close this and open it again.")])

    @property
    def said(self) -> str:
        """All that can be read in it."""
        parts = (self.reasons, self.others, self.rivals, self.otherwise, self.changes)
        return "\n".join(part.text() for part in parts if part.text())

    def _fold(self, shown: bool) -> None:
        self.toggle.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)
        self.body.setVisible(shown)
        if not shown:
            self._known = ()  # opened again, it asks again
        self._ask()

    def _ask(self) -> None:
        """Only what the reasons rest on counts: typing elsewhere in the article asks nothing."""
        if self._composition is None or not self._slot or not self.toggle.isChecked():
            return
        rests_on = _rests_on(self._composition, self._slot)
        if rests_on != self._known:
            self._known = rests_on
            self.asked.emit(self._composition, self._slot)

    def _clear(self) -> None:
        self._known = ()
        for part in (self.reasons, self.others, self.rivals, self.otherwise, self.changes):
            part.show_lines([])
        self.bars.show_bars([], "")


class _Lines(QWidget):
    """Sentences one below the other, with a little room between them; gone where there are none."""

    def __init__(self, rank: str) -> None:
        super().__init__()
        self._rank = rank
        self._labels: list[QLabel] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self.hide()

    def text(self) -> str:
        return "\n".join(label.text() for label in self._labels if not label.isHidden())

    def show_lines(self, lines: list[str]) -> None:
        while len(self._labels) < len(lines):
            self._add()
        for at, label in enumerate(self._labels):
            label.setText(lines[at] if at < len(lines) else "")
            label.setVisible(at < len(lines))
        self.setVisible(bool(lines))

    def _add(self) -> None:
        label = QLabel(wordWrap=True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("rank", self._rank)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._column.addWidget(label)
        self._labels.append(label)


def _spoken() -> Language:
    return "zh" if language() == "zh" else "en"


def _bars(explanation: Explanation) -> list[Bar]:
    given = zip(explanation.parts, wording.points_of(explanation.parts), strict=True)
    return [
        Bar(wording.part_name(part, _spoken()), share, weight, known=part.value is not None)
        for part, (share, weight) in given
        if part.weight > 0
    ]


def _measured(explanation: Explanation) -> str:
    names = [(wording.part_name(part, _spoken()), part.value) for part in explanation.parts]
    return "\n".join(f"{name}: {value:.3f}" for name, value in names if value is not None)


def _rests_on(composition: Composition, slot: str) -> tuple[object, ...]:
    slots = composition.slots or ()
    after = next((each.after for each in slots if each.id == slot), "")
    blocks = composition.article.blocks if composition.article else ()
    words = next((block.text for block in blocks if block.id == after), "")
    return slot, slots, composition.picks, composition.candidates, composition.weights, words
