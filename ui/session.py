"""The open article: what it is, what the writer did to it, and where it is kept. The views show it, nothing else."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from composer import project
from composer.draft import fold
from composer.types import AnyEvent, Brief, Composition, Pick, SlotsPlanned
from ui import edits
from ui.drafts import draft_for, is_draft, newer_draft_of, remember_saved
from ui.saving import Saver

AUTOSAVE_MS = 1000
SAME_TYPING_SECONDS = 2.0
"""Typing into one block goes into one undo step while the pauses are shorter than this."""


class _Edit(QUndoCommand):
    def __init__(self, session: Session, after: Composition, label: str, merge: str) -> None:
        super().__init__(label)
        self._session, self.before, self.after = session, session.composition, after
        self.merge, self.at = merge, time.monotonic()

    def id(self) -> int:
        return 1 if self.merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:  # noqa: N802 - Qt's name
        if not isinstance(other, _Edit) or other.merge != self.merge:
            return False
        if other.at - self.at > SAME_TYPING_SECONDS:
            return False
        self.after, self.at = other.after, other.at
        return True

    def redo(self) -> None:
        self._session.take_edit(self.after)

    def undo(self) -> None:
        self._session.take_edit(self.before)


class Session(QObject):
    """Holds the composition. Engine events grow it, edits change it with undo, drafts are saved by themselves."""

    changed = Signal()
    opened = Signal()
    """Another article (or none) took the place of the one before."""
    edited = Signal(object, object)
    """The writer, not the engine, changed the composition: what it was and what it is."""
    saved = Signal(object)
    problem = Signal(object)
    """A ComposerError to show."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.composition: Composition | None = None
        self.path: Path | None = None
        self.draft: Path | None = None
        self.undo = QUndoStack(self)
        self._choices: dict[str, Pick] = {}
        self._on_disk: Composition | None = None
        self._drafted: Composition | None = None
        self._saver = Saver(self)
        self._saver.saved.connect(self._was_saved)
        self._saver.failed.connect(lambda _path, error: self.problem.emit(error))
        self._autosave = QTimer(self, singleShot=True, interval=AUTOSAVE_MS)
        self._autosave.timeout.connect(self.save_draft)

    # --- which article ---

    def begin(self, brief: Brief) -> None:
        """A new article from a brief; the draft before it stays among the drafts."""
        self.save_draft()
        self._take(Composition(brief=brief), path=None, draft=draft_for(brief.topic))

    def open(self, path: Path) -> None:
        """Open a project file. Raises ProjectError; the article that was open is then untouched."""
        newer = newer_draft_of(path)
        composition = project.open_project(newer or path)
        self.save_draft()
        if newer is None and is_draft(path):
            self._take(composition, path=None, draft=path)
        else:
            self._take(composition, path=path, draft=newer or draft_for(path.stem))
        self._drafted = composition
        self._on_disk = composition if newer is None and self.path else None
        self.opened.emit()

    def close_article(self) -> None:
        """Back to no article at all."""
        self.save_draft()
        self._take(None, path=None, draft=None)
        self.opened.emit()

    def _take(self, composition: Composition | None, *, path: Path | None, draft: Path | None) -> None:
        self.undo.clear()
        self._choices = {}
        self.composition, self.path, self.draft = composition, path, draft
        self._on_disk = self._drafted = None
        self.changed.emit()

    # --- growing and changing ---

    def grow(self, event: AnyEvent) -> None:
        """Fold an event of the engine in; what the writer chose meanwhile stays chosen."""
        if self.composition is None:
            return
        grown = fold(self.composition, event)
        if grown is self.composition:
            return
        if isinstance(event, SlotsPlanned):
            # A choice holds only for the place it was made for.
            before = self.composition.slots or ()
            self._choices = {
                slot.id: self._choices[slot.id] for slot in event.slots if slot.id in self._choices and slot in before
            }
        if self._choices:
            grown = edits.with_choices(grown, self._choices)
        self.show(grown)

    def edit(self, after: Composition, label: str, merge: str = "") -> None:
        """Change the composition with undo. Edits of the same `merge` that follow closely are one step."""
        if self.composition is not None and after != self.composition:
            self.undo.push(_Edit(self, after, label, merge))

    def take_edit(self, composition: Composition | None) -> None:
        """An edit is done, undone or done again."""
        before = self.composition
        self.show(composition)
        if before is not None and composition is not None:
            self.edited.emit(before, composition)

    def restart_from(self, composition: Composition) -> None:
        """Go on composing from here: earlier undo steps would bring back another article's state."""
        self.undo.clear()
        self._choices = {slot: pick for slot, pick in composition.picks.items() if pick.by == "writer"}
        self.show(composition)

    def choose(self, slot: str, pick: Pick) -> None:
        """Remember a choice made while the engine still works."""
        self._choices[slot] = pick

    def show(self, composition: Composition | None) -> None:
        """Take a composition as it is; the draft is saved soon."""
        self.composition = composition
        if not self._autosave.isActive():
            self._autosave.start()
        self.changed.emit()

    # --- keeping ---

    @property
    def name(self) -> str:
        """What the title bar calls it."""
        if self.path is not None:
            return self.path.stem
        if self.composition is None:
            return ""
        article = self.composition.article
        return (article.title if article else "") or self.composition.brief.topic

    @property
    def unsaved(self) -> bool:
        """Whether the writer's own file lacks something; drafts are kept in any case."""
        return self.path is not None and self.composition is not None and self._on_disk is not self.composition

    def save(self, path: Path) -> None:
        """Save under this name from now on; `saved` or `problem` follows."""
        if self.composition is not None:
            self.save_draft()  # first, so that the file is never older than its draft
            self._saver.save(self.composition, path)

    def save_draft(self) -> None:
        """Write the draft if it changed, away from the GUI thread."""
        self._autosave.stop()
        if self.composition is not None and self.draft is not None and self._drafted is not self.composition:
            self._drafted = self.composition
            self._saver.save(self.composition, self.draft)

    def finish(self) -> None:
        """Write what is not written yet, and wait for the disk."""
        self.save_draft()
        self._saver.finish()

    def _was_saved(self, path: Path, composition: Composition) -> None:
        if path == self.draft:
            return
        self.path, self._on_disk = path, composition
        if self.draft is not None:
            remember_saved(self.draft, path)
        self.saved.emit(path)
