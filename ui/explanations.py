"""The way from the section that asks why to the engine that knows."""

from __future__ import annotations

from PySide6.QtCore import QObject

from composer import wire
from composer.types import Composition
from ui.engine_client import EngineClient
from ui.explanation_section import ExplanationSection


class Explanations(QObject):
    """Only the last question counts: an answer to an earlier one is passed over."""

    def __init__(self, client: EngineClient, section: ExplanationSection) -> None:
        super().__init__(section)
        self._client, self._section = client, section
        self._job = 0
        section.asked.connect(self._ask)
        client.explained.connect(self._explained)
        client.failed.connect(self._failed)
        client.died.connect(self._died)

    def _ask(self, composition: Composition, slot: str) -> None:
        self._job = self._client.send(wire.ExplainPick(composition, slot))

    def _explained(self, job: int, report: wire.Explained) -> None:
        if job == self._job:
            self._section.show_explanation(report.explanation)

    def _failed(self, job: int, _report: wire.Failed) -> None:
        if job == self._job:
            self._section.show_problem()

    def _died(self, jobs: list[int], _restarted: bool) -> None:
        if self._job in jobs:
            self._section.show_problem()
