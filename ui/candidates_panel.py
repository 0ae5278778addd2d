"""The chosen slot: its caption, its candidates as cards, and the choice to leave it empty."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from composer.draft import alt_of, caption_of
from composer.types import Candidate, Composition, Pick, Slot
from ui.candidate_card import CandidateCard
from ui.explanation_section import ExplanationSection
from ui.images import ImageLoader
from ui.picture_mime import TYPE, picture_in
from ui.reasons import reason_of
from ui.shots import shot_words
from ui.texts import plural, text


class CandidatesPanel(QWidget):
    """Shows one slot of a composition; tells what the writer takes instead."""

    taken = Signal(str, object)
    """Slot, and the Candidate or None for no picture."""
    captioned = Signal(str, str)
    described = Signal(str, str)
    """Slot, and what is seen in its picture."""
    dropped = Signal(str, object)
    """Slot, and the composer.types.Picture that was dropped here."""
    library = Signal(str)
    """The writer wants to look in the library, for these words."""
    stepped = Signal(int)
    """To the slot before (-1) or after (1)."""

    def __init__(self, images: ImageLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAcceptDrops(True)
        self._images = images
        self._slot = ""
        self._wanted = ""
        """What the library is asked for when the writer looks there for this place."""
        self._shown: tuple[Candidate, ...] = ()
        self.cards: list[CandidateCard] = []
        self._make()
        self.show_slot(None, "", working=False)
        images.loaded.connect(self._image_loaded)

    def show_slot(self, composition: Composition | None, slot_id: str, *, working: bool) -> None:
        """Show a slot; an empty id shows what the panel is for."""
        slots = (composition.slots or ()) if composition else ()
        slot = next((item for item in slots if item.id == slot_id), None)
        self._body.setVisible(slot is not None)
        self._empty.setVisible(slot is None)
        if composition is None or slot is None:
            self._slot = ""
            self._empty.setText(self._empty_words(composition, working))
            return
        place = slots.index(slot)
        self._title.setText(text("Picture {number} of {count}", number=place + 1, count=len(slots)))
        self.previous.setEnabled(place > 0)
        self.next.setEnabled(place + 1 < len(slots))
        candidates = composition.candidates.get(slot.id, ())
        pick = composition.picks.get(slot.id)
        self._show_words(slot, pick, working)
        self._show_cards(slot.id, candidates)
        self._mark(pick)
        self._heading.setText(
            plural("{count} picture to choose from", "{count} pictures to choose from", len(candidates))
            if candidates
            else (text("Looking for pictures…") if working and pick is None else text("No picture was found."))
        )
        self._reason.setText(reason_of(composition, slot.id))
        self._reason.setVisible(bool(self._reason.text()))
        self.shot.setText(shot_words(composition, slot))
        self._shot_frame.setVisible(bool(self.shot.text()))
        self._note.setVisible(composition.models.get("reranker", "").startswith("starter"))
        self.none_button.setEnabled(bool(candidates) or pick is not None)
        self._slot = slot.id
        self.why.show_slot(composition, slot.id)

    @property
    def slot(self) -> str:
        return self._slot

    # --- making ---

    def _make(self) -> None:
        self._empty = QLabel(wordWrap=True, alignment=Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("rank", "quiet")
        self._empty.setContentsMargins(28, 28, 28, 28)
        self._title = QLabel()
        self._title.setProperty("rank", "heading")
        self.previous, self.next = QToolButton(), QToolButton()
        self.previous.setText("‹")
        self.next.setText("›")
        self.previous.setAccessibleName(text("Previous picture"))
        self.next.setAccessibleName(text("Next picture"))
        for button, step in ((self.previous, -1), (self.next, 1)):
            button.setToolTip(button.accessibleName())
            button.clicked.connect(lambda _=False, by=step: self.stepped.emit(by))
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self.previous)
        head.addWidget(self.next)
        self.caption, self.alt = _WordsEdit(64), _WordsEdit(48)
        self._caption_label = self._labelled(self.caption, text("Caption"))
        self._alt_label = self._labelled(self.alt, text("What is seen in the picture"))
        self.alt.setToolTip(text("For readers who do not see the picture: programs that read aloud say it."))
        self.alt.setPlaceholderText(self.alt.toolTip())
        self.caption.finished.connect(lambda words: self.captioned.emit(self._slot, words) if self._slot else None)
        self.alt.finished.connect(lambda words: self.described.emit(self._slot, words) if self._slot else None)
        self._heading = QLabel()
        self._reason = QLabel(wordWrap=True)
        self._reason.setTextFormat(Qt.TextFormat.PlainText)
        self._reason.setProperty("rank", "quiet")
        self.why = ExplanationSection()
        self.none_button = QPushButton(text("No picture here"))
        self.none_button.setCheckable(True)
        self.none_button.clicked.connect(lambda: self.taken.emit(self._slot, None))
        self.library_button = QPushButton(text("Look in the library…"))
        self.library_button.clicked.connect(lambda: self.library.emit(self._wanted))
        self._note, self._note_label = _noted("warning")
        self._note_label.setText(text("The starter judge reads captions and file names; it does not see the pictures."))
        self._shot_frame, self.shot = _noted("note")
        self.shot.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out(head)

    def _labelled(self, edit: _WordsEdit, words: str) -> QLabel:
        label = QLabel(words)
        edit.setAccessibleName(words)
        label.setBuddy(edit)
        return label

    def _lay_out(self, head: QHBoxLayout) -> None:
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self._body = QScrollArea(widgetResizable=True)
        self._body.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._body.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(16, 12, 12, 16)
        column.setSpacing(7)
        column.addLayout(head)
        for widget in (self._caption_label, self.caption, self._alt_label, self.alt):
            column.addWidget(widget)
        column.addSpacing(8)
        column.addWidget(self._heading)
        column.addWidget(self._reason)
        column.addWidget(self.why)
        column.addWidget(self._shot_frame)
        column.addWidget(self._note)
        column.addWidget(self.library_button)
        column.addSpacing(2)
        column.addLayout(self._list)
        column.addSpacing(4)
        column.addWidget(self.none_button)
        column.addStretch(1)
        self._body.setWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._body, 1)

    def _empty_words(self, composition: Composition | None, working: bool) -> str:
        if composition is not None and composition.slots:
            return text("Click a picture in the article to see what else would fit.")
        if working:
            return text("The pictures to choose from appear here once the text is written.")
        return text("The pictures to choose from appear here.")

    # --- showing ---

    def _show_words(self, slot: Slot, pick: Pick | None, working: bool) -> None:
        self._wanted = slot.caption
        has_picture = pick is not None and pick.picture is not None
        for widget in (self.alt, self._alt_label):
            widget.setVisible(has_picture)
        for edit, words in ((self.caption, caption_of(slot, pick)), (self.alt, alt_of(pick))):
            edit.setReadOnly(working)
            # What is being typed is not overwritten by what is known so far.
            if slot.id != self._slot or not edit.hasFocus():
                edit.show_text(words)

    def _show_cards(self, slot: str, candidates: tuple[Candidate, ...]) -> None:
        if candidates == self._shown and slot == self._slot:
            return
        self._shown = candidates
        for card in self.cards:
            self._list.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = []
        for candidate in candidates:
            card = CandidateCard(candidate, self._images)
            card.clicked.connect(lambda _=False, taken=candidate: self.taken.emit(self._slot, taken))
            self._list.addWidget(card)
            self.cards.append(card)

    def _mark(self, pick: Pick | None) -> None:
        chosen = pick.picture.id if pick and pick.picture else ""
        for card in self.cards:
            card.setChecked(card.candidate.picture.id == chosen)
        self.none_button.setChecked(pick is not None and pick.picture is None)

    def _image_loaded(self, _path: str) -> None:
        for card in self.cards:
            card.update()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if self._slot and event.mimeData().hasFormat(TYPE):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        picture = picture_in(event.mimeData())
        if picture is not None and self._slot:
            event.acceptProposedAction()
            self.dropped.emit(self._slot, picture)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows walk through the cards."""
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
        at = next((place for place, card in enumerate(self.cards) if card.hasFocus()), None)
        if step and at is not None:
            target = self.cards[max(0, min(len(self.cards) - 1, at + step))]
            target.setFocus(Qt.FocusReason.TabFocusReason)
            self._body.ensureWidgetVisible(target)
            return
        super().keyPressEvent(event)


def _noted(surface: str) -> tuple[QFrame, QLabel]:
    """A coloured field with words in it."""
    frame, label = QFrame(), QLabel(wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    frame.setProperty("surface", surface)
    inside = QVBoxLayout(frame)
    inside.setContentsMargins(10, 8, 10, 8)
    inside.addWidget(label)
    return frame, label


class _WordsEdit(QPlainTextEdit):
    """Words of a line or two: Return or leaving the field takes it, Escape gives it up."""

    finished = Signal(str)

    def __init__(self, height: int) -> None:
        super().__init__()
        self.setFixedHeight(height)
        self.setTabChangesFocus(True)
        self._before = ""

    def show_text(self, words: str) -> None:
        if words != self.toPlainText():
            self.setPlainText(words)
        self._before = words

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._finish()
        elif event.key() == Qt.Key.Key_Escape:
            self.setPlainText(self._before)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: object) -> None:  # noqa: N802
        super().focusOutEvent(event)  # type: ignore[arg-type]
        self._finish()

    def _finish(self) -> None:
        words = " ".join(self.toPlainText().split())
        if words != self._before and not self.isReadOnly():
            self._before = words
            self.finished.emit(words)
