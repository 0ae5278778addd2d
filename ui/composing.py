"""One composition under way: sends it to the engine, follows its stages, and knows how it ended."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QObject, Signal

from composer import wire
from composer.types import (
    Brief,
    Composition,
    Notice,
    StageFinished,
    StageName,
    StageProgress,
    StageStarted,
)
from ui import edits
from ui.engine_client import EngineClient
from ui.session import Session

State = Literal["idle", "running", "stopping"]
Ending = Literal["done", "stopped", "failed", "lost"]


class Composing(QObject):
    """At most one job. Its events go into the session; what the views need is in the signals."""

    state_changed = Signal()
    stage_changed = Signal(str, float, float, object)
    """Stage, how much is done of how much in the stage's own unit, and seconds left or None."""
    stage_finished = Signal(str)
    notice = Signal(str, str)
    ended = Signal(str)
    failed = Signal(object)
    """A wire.Failed."""
    lost = Signal(bool)
    """The engine ended in the middle; whether it was started again."""

    def __init__(self, client: EngineClient, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client, self._session = client, session
        self._job = 0
        self.state: State = "idle"
        client.happened.connect(self._happened)
        client.done.connect(lambda job: self._end(job, "done"))
        client.stopped.connect(lambda job: self._end(job, "stopped"))
        client.failed.connect(self._failed)
        client.died.connect(self._died)

    @property
    def busy(self) -> bool:
        return self.state != "idle"

    def start(self, brief: Brief, composition: Composition | None = None) -> None:
        """Compose from a brief; with a composition, keep of it what still holds."""
        if self.busy:
            return
        if composition is None:
            self._session.begin(brief)
        else:
            composition = edits.without_empty(composition)
            self._session.restart_from(composition)
        self._job = self._client.send(wire.Compose(brief=brief, composition=composition))
        self._become("running")

    def cancel(self) -> None:
        """Stop: from this call on nothing of the job is shown any more."""
        if self.state == "running":
            self._become("stopping")
            self._client.cancel(self._job)

    def _happened(self, job: int, event: object) -> None:
        if job != self._job or self.state != "running":
            return
        match event:
            case StageStarted(stage=stage):
                self._stage(stage, 0.0, 0.0, None)
            case StageProgress(stage=stage, done=done, total=total, seconds_left=left):
                self._stage(stage, done, total, left)
            case Notice(message=message, hint=hint):
                self.notice.emit(message, hint)
            case _:
                self._session.grow(event)  # type: ignore[arg-type]
                if isinstance(event, StageFinished):
                    self.stage_finished.emit(event.stage)

    def _stage(self, stage: StageName, done: float, total: float, left: float | None) -> None:
        self.stage_changed.emit(stage, done, total, left)

    def _failed(self, job: int, report: wire.Failed) -> None:
        if job == self._job and self.busy:
            self._end(job, "failed")
            self.failed.emit(report)

    def _died(self, jobs: list[int], restarted: bool) -> None:
        if self.busy and self._job in jobs:
            self._end(self._job, "lost")
            self.lost.emit(restarted)

    def _end(self, job: int, how: Ending) -> None:
        if job != self._job or not self.busy:
            return
        self._job = 0
        self._session.save_draft()
        self._become("idle")
        self.ended.emit(how)

    def _become(self, state: State) -> None:
        self.state = state
        self.state_changed.emit()
