"""The set of models that suits this machine and the language of the articles, with one button to have all of it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from composer.shelf import ModelRow, ModelSet, Purpose
from composer.types import Language
from ui.model_row import FetchProgress
from ui.model_words import fit_of, recommended, size
from ui.shelf import PURPOSES, Shelf
from ui.texts import language, text

LANGUAGES: tuple[Language, ...] = ("en", "zh")


class Recommended(QFrame):
    """The top of the page of models."""

    def __init__(self, shelf: Shelf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("surface", "card")
        self._shelf = shelf
        heading = QLabel(text("Recommended for this computer"))
        heading.setProperty("rank", "subtitle")
        self.language = QComboBox()
        self.language.addItems([text("for English articles"), text("for Chinese articles")])
        self.language.setAccessibleName(text("Language of the article"))
        self.language.view().setAccessibleName(text("Language of the article"))
        self.language.setCurrentIndex(LANGUAGES.index("zh" if language() == "zh" else "en"))
        self.models, self.fit = QLabel(wordWrap=True), QLabel(wordWrap=True)
        self.models.setTextFormat(Qt.TextFormat.PlainText)
        self.before = QLabel(wordWrap=True)
        self.before.setProperty("rank", "quiet")
        self.button = QPushButton(text("Use this set"))
        self.button.setProperty("primary", True)
        self.progress = FetchProgress()
        self._lay_out(heading)
        self.language.currentIndexChanged.connect(lambda _: self.refresh())
        self.button.clicked.connect(self._use)
        self.progress.cancel.clicked.connect(shelf.cancel_plan)
        shelf.changed.connect(self.refresh)
        shelf.progressed.connect(lambda _: self._tell_progress())
        self.refresh()

    @property
    def chosen(self) -> ModelSet | None:
        """The set that is shown."""
        return recommended(self._shelf.sets, LANGUAGES[self.language.currentIndex()])

    def refresh(self) -> None:
        """Show how the set stands now."""
        chosen = self.chosen
        self.setVisible(bool(self._shelf.sets))
        if chosen is None:
            self.models.setText(text("There is no set for this language."))
            for widget in (self.fit, self.before, self.button, self.progress):
                widget.hide()
            return
        self.models.setText("\n".join(self._lines(chosen)))
        words, rank = fit_of(chosen.fit)
        self.fit.setText(words)
        self.fit.setProperty("rank", rank)
        self.fit.style().polish(self.fit)
        self.fit.setVisible(bool(words))
        working = self._shelf.plan is not None
        had_focus = self.button.hasFocus() or self.progress.cancel.hasFocus()
        self._tell(chosen, working=working)
        self.progress.setVisible(working)
        if had_focus:
            (self.progress.cancel if working else self.button).setFocus()
        self._tell_progress()

    def _tell(self, chosen: ModelSet, *, working: bool) -> None:
        """What the button would do, before it is pressed."""
        used = self._shelf.uses(chosen)
        missing = [row for name in chosen.models if (row := self._shelf.find(name)) and row.state != "ready"]
        whole = not missing
        self.button.setVisible(not working and not (used and whole))
        plan = self._shelf.plan
        if plan is not None:
            work = self._shelf.work_on(self._shelf.name_of(plan.job))
            count = text("Fetching {at} of {count}…", at=plan.fetched, count=plan.count)
            words = {"pulling": count, "waiting": count, "stopping": text("Stopping…")}
            self.before.setText(words.get(work, text("Setting up…")))
        elif not whole:
            self.before.setText(_fetched_first(chosen, missing))
        elif used:
            self.before.setText(text("You are using this set."))
        else:
            self.before.setText(text("All of it is on this computer already."))
        self.before.show()

    def _tell_progress(self) -> None:
        plan = self._shelf.plan
        if plan is None:
            return
        name = self._shelf.name_of(plan.job)
        self.progress.tell(self._shelf.progress(name) if name else None)
        self.progress.cancel.setEnabled(self._shelf.work_on(name) in ("pulling", "waiting"))

    def _lines(self, chosen: ModelSet) -> list[str]:
        names: dict[Purpose, str] = {
            "writer": text("Writing"), "encoder": text("Finding pictures"), "reranker": text("Judging pictures"),
        }  # fmt: skip
        lines: list[str] = []
        for at, name in enumerate(chosen.models):
            row = self._shelf.find(name)
            if row is not None:
                purpose = PURPOSES[at] if len(chosen.models) == len(PURPOSES) else row.purpose
                if purpose != "screens":
                    lines.append(text("{stage}: {words}", stage=names[purpose], words=_with_size(row)))
        return lines

    def _use(self) -> None:
        if self.chosen is not None:
            self._shelf.use_set(self.chosen)

    def _lay_out(self, heading: QLabel) -> None:
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(heading, 1)
        head.addWidget(self.language)
        foot = QHBoxLayout()
        foot.setSpacing(14)
        foot.addWidget(self.button)
        foot.addWidget(self.before, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 14, 16, 14)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.models)
        column.addWidget(self.fit)
        column.addLayout(foot)
        column.addWidget(self.progress)


def _fetched_first(chosen: ModelSet, missing: list[ModelRow]) -> str:
    """The size, as far as it is known: some sources tell it only when they are asked."""
    if not chosen.megabytes:
        return text("Its models will be fetched from the internet first; their size is not known yet.")
    if all(row.megabytes for row in missing):
        return text("{size} will be fetched from the internet first.", size=size(chosen.megabytes))
    return text("More than {size} will be fetched from the internet first.", size=size(chosen.megabytes))


def _with_size(row: ModelRow) -> str:
    if row.state == "ready" or not row.megabytes:
        return row.title
    return text("{title} ({size})", title=row.title, size=size(row.megabytes))
