"""The three panes of an open article: brief, page, candidates; and the strip below them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from composer.types import Candidate, Picture
from ui import edits
from ui.brief_form import BriefForm
from ui.candidates_panel import CandidatesPanel
from ui.composing import Composing
from ui.counting import summary_of
from ui.images import ImageLoader
from ui.message_bar import MessageBar
from ui.page.article_page import ArticlePage
from ui.progress_strip import ProgressStrip
from ui.session import Session
from ui.texts import text


class WorkPage(QWidget):
    """Shows the session and hands the writer's changes to it."""

    def __init__(
        self, session: Session, composing: Composing, images: ImageLoader, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._composing = session, composing
        self._selected = ""
        self.form = BriefForm()
        self.page = ArticlePage(images)
        self.messages = MessageBar()
        self.candidates = CandidatesPanel(images)
        self.strip = ProgressStrip()
        middle = QWidget()
        middle.setProperty("surface", "desk")
        middle.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.messages)
        column.addWidget(self.page, 1)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        for pane, stretch, narrowest in ((self.form, 0, 264), (middle, 1, 420), (self.candidates, 0, 320)):
            pane.setMinimumWidth(narrowest)
            self.splitter.addWidget(pane)
            self.splitter.setStretchFactor(self.splitter.count() - 1, stretch)
        self.splitter.setSizes([290, 746, 376])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.splitter, 1)
        layout.addWidget(self.strip)
        self._connect()

    @property
    def selected(self) -> str:
        """Id of the slot that is selected, or nothing."""
        return self._selected

    def select(self, slot: str, *, reveal: bool = False) -> None:
        self._selected = slot
        self.page.select_slot(slot, reveal=reveal)
        self._show_candidates()

    def step(self, by: int) -> None:
        """Select the slot before or after the selected one."""
        composition = self._session.composition
        ids = [slot.id for slot in (composition.slots or ())] if composition else []
        if ids:
            at = ids.index(self._selected) + by if self._selected in ids else 0
            self.select(ids[max(0, min(len(ids) - 1, at))], reveal=True)

    def show_opened(self) -> None:
        """Another article was opened or begun."""
        composition = self._session.composition
        self._selected = ""
        self.page.select_slot("")
        self.page.show_now(composition)
        self.page.go_to_start()
        self.strip.clear()
        self.messages.hide()
        if composition is not None:
            self.form.brief = composition.brief
            if edits.finished(composition):
                self.strip.end(summary_of(composition), complete=True)
        self._changed()

    # --- wiring ---

    def _connect(self) -> None:
        self._session.changed.connect(self._changed)
        self._composing.state_changed.connect(self._state_changed)
        self._composing.stage_changed.connect(self.strip.stage)
        self._composing.stage_changed.connect(self._show_hint)
        self._composing.stage_finished.connect(self.strip.finished_stage)
        self._composing.notice.connect(self.strip.add_notice)
        self._composing.ended.connect(self._ended)
        self.page.slot_selected.connect(self.select)
        self.page.edited.connect(self._session.edit)
        self.candidates.taken.connect(self._take)
        self.candidates.captioned.connect(self._caption)
        self.candidates.described.connect(self._describe)
        self.candidates.stepped.connect(self.step)
        self.candidates.dropped.connect(self.put_picture)
        self.page.dropped.connect(self._dropped)

    def _changed(self) -> None:
        composition = self._session.composition
        self.page.show_soon(composition)
        slots = (composition.slots or ()) if composition else ()
        if self._selected not in {slot.id for slot in slots}:
            self._selected = slots[0].id if slots else ""
            # Who followed the writing to its end is taken to where the work goes on.
            follows = self._composing.busy and self.page.at_end
            if follows:
                self.page.flush()
            self.page.select_slot(self._selected, reveal=follows)
        self._show_candidates()
        if not self._composing.busy:
            self._show_hint()

    def _show_candidates(self) -> None:
        self.candidates.show_slot(self._session.composition, self._selected, working=self._composing.busy)

    def _show_hint(self, stage: str = "") -> None:
        if self._composing.busy:
            hints = {"index": text("Looking at your pictures…"), "outline": text("Thinking about the outline…")}
            self.page.set_hint(hints.get(stage, ""))
        else:
            self.page.set_hint(text("Fill in the brief and press Compose.\nThe article appears here as it is written."))

    def _state_changed(self) -> None:
        state = self._composing.state
        self.form.set_busy(state != "idle", stopping=state == "stopping")
        if state == "running":
            self.messages.hide()
            self.strip.begin()
        elif state == "stopping":
            self.strip.pause(text("Stopping…"))
        self.page.show_now(self._session.composition)
        self.page.set_working(state != "idle")
        self._show_candidates()
        self._show_hint()

    def _ended(self, how: str) -> None:
        composition = self._session.composition
        words = summary_of(composition) if composition else ""
        if how == "done":
            self.strip.end(words, complete=True)
        else:
            stopped = text("Stopped") if how != "failed" else text("Not finished")
            self.strip.end(" · ".join(part for part in (stopped, words) if part), complete=False)

    # --- the writer's choices ---

    def _take(self, slot: str, candidate: Candidate | None) -> None:
        composition = self._session.composition
        if composition is None or not slot:
            return
        now = composition.picks.get(slot)
        picture = candidate.picture if candidate else None
        if now is not None and (now.picture.id if now.picture else "") == (picture.id if picture else ""):
            self._show_candidates()  # the click unchecked what is chosen: check it again
            return
        reason = text("You chose this picture.") if picture else text("You left this place without a picture.")
        after = edits.with_picture(composition, slot, picture, reason)
        if self._composing.busy:
            self._session.choose(slot, after.picks[slot])
        self._session.edit(after, text("Take another picture") if picture else text("Leave without a picture"))

    def put_picture(self, slot: str, picture: Picture) -> None:
        """A picture out of the library for a slot."""
        composition = self._session.composition
        if composition is None or not slot:
            return
        reason = text("You chose this picture.")
        after = edits.with_own_picture(composition, slot, picture, reason)
        if self._composing.busy:
            self._session.choose(slot, after.picks[slot])
        self._session.edit(after, text("Take another picture"))
        self.select(slot)

    def _dropped(self, picture: Picture, slot: str, block: str) -> None:
        composition = self._session.composition
        if slot:
            self.put_picture(slot, picture)
        elif composition is not None and not self._composing.busy:
            after, made = edits.with_new_slot(composition, block, picture, text("You chose this picture."))
            self._session.edit(after, text("Put a picture in"))
            self.page.flush()
            self.select(made, reveal=True)

    def _caption(self, slot: str, caption: str) -> None:
        if self._session.composition is not None and not self._composing.busy:
            self._session.edit(edits.with_caption(self._session.composition, slot, caption), text("Edit caption"))

    def _describe(self, slot: str, alt: str) -> None:
        if self._session.composition is not None and not self._composing.busy:
            self._session.edit(edits.with_alt(self._session.composition, slot, alt), text("Edit description"))
