"""Opening, saving and exporting: asks where, does it, and says how it went in the message bar."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from composer import shots, wire
from composer.errors import ComposerError
from composer.project import SUFFIX
from ui import edits
from ui.drafts import saved_as
from ui.message_bar import MessageBar
from ui.parts import Parts
from ui.progress_strip import pictures_seen
from ui.texts import plural, text


class Documents(QObject):
    """The file side of the window."""

    def __init__(self, window: QWidget, parts: Parts, messages: MessageBar, folder: str) -> None:
        super().__init__(window)
        self._window, self._messages = window, messages
        session, client = self._session, self._client = parts.session, parts.client
        self._library = parts.library
        self.folder = folder or str(Path.home())
        self._jobs: dict[int, str] = {}
        self._exported: dict[int, tuple[str, ...]] = {}
        self._notices: list[str] = []
        client.indexing.connect(self._indexing)
        client.scanned.connect(self._scanned)
        client.exported.connect(self._files_written)
        client.done.connect(self._done)
        client.failed.connect(self._failed)
        client.died.connect(self._died)
        session.saved.connect(self._saved)
        session.problem.connect(self.tell_problem)

    def tell_problem(self, error: ComposerError) -> None:
        self._messages.tell(error.message, error.hint, surface="error")

    # --- open and save ---

    def ask_open(self) -> Path | None:
        name, _ = QFileDialog.getOpenFileName(self._window, text("Open an article"), self.folder, _filter())
        return Path(name) if name else None

    def open(self, path: Path) -> bool:
        """Open a project; on trouble say so and keep what is open."""
        path = path.absolute()
        try:
            self._session.open(saved_as(path) or path)
        except ComposerError as error:
            self.tell_problem(error)
            return False
        self.folder = str(path.parent)
        return True

    def save(self) -> None:
        if self._session.path is None:
            self.save_as()
        else:
            self._session.save(self._session.path)

    def save_as(self) -> None:
        start = Path(self.folder) / f"{_plain(self._session.name)}{SUFFIX}"
        name, _ = QFileDialog.getSaveFileName(self._window, text("Save the article"), str(start), _filter())
        if name:
            path = Path(name)
            self._session.save(path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX))

    def _saved(self, path: Path) -> None:
        self.folder = str(path.parent)
        self._messages.tell(text("Saved as {path}.", path=path))
        self._tell_uses()

    # --- export ---

    def ask_export(self, formats: tuple[wire.Format, ...]) -> None:
        folder = QFileDialog.getExistingDirectory(self._window, text("Export into a folder"), self.folder)
        if folder:
            self.export(Path(folder), formats)

    def export(self, folder: Path, formats: tuple[wire.Format, ...]) -> None:
        """Have the engine write the article into a folder."""
        if self._session.composition is not None:
            command = wire.ExportArticle(edits.without_empty(self._session.composition), str(folder), formats)
            self._jobs[self._client.send(command)] = "export"
            self._messages.tell(text("Exporting…"))

    def _files_written(self, job: int, report: wire.Exported) -> None:
        if job in self._jobs and report.files:
            self._exported[job] = report.files

    def _tell_uses(self) -> None:
        """The library remembers which pictures an article that left the drafts is made with."""
        composition = self._session.composition
        if composition is not None:
            article = str(self._session.path or self._session.name)
            self._client.send(wire.UsePictures(article, self._session.name, edits.pictures_of(composition)))

    # --- picture folders ---

    def scan(self, folder: str) -> None:
        """Have the engine take a folder into the library and look at its pictures; it keeps the rules it may have."""
        self._notices = []
        self._jobs[self._library.index((folder,))] = folder
        self._messages.tell(text("Looking through {folder}…", folder=Path(folder).name))

    def _indexing(self, job: int, report: wire.Indexing) -> None:
        """How far scanning is; of the work that follows only what went wrong: nobody waits for it here."""
        folder = Path(self._jobs.get(job, "")).name
        if not folder:
            return
        if report.step != "scan":
            if report.notice:
                self._messages.tell(report.notice, surface="warning")
            return
        if report.notice:
            self._notices.append(report.notice)
        if report.total > 1:
            seen = pictures_seen(report.done, report.total)
            self._messages.tell(text("Looking through {folder}: {seen}.", folder=folder, seen=seen))

    def _scanned(self, job: int, report: wire.Scanned) -> None:
        if job not in self._jobs:
            return
        folder = Path(report.folder).name
        if report.pictures:
            found = plural(
                "{count} picture is ready in {folder}.",
                "{count} pictures are ready in {folder}.",
                report.pictures,
                folder=folder,
            )
        else:
            found = text("There is no picture in {folder} that can be used.", folder=folder)
        skipped = report.unusable
        hints = [plural("{count} file was skipped.", "{count} files were skipped.", skipped)] if skipped else []
        details = "\n".join([*self._notices, *(f"{item.path}: {item.reason}" for item in report.skipped)])
        surface = "note" if report.pictures else "warning"
        self._messages.tell(found, " ".join([*hints, *self._notices[:1]]), surface=surface, details=details)

    # --- how jobs end ---

    def _done(self, job: int) -> None:
        self._jobs.pop(job, None)
        files = self._exported.pop(job, ())
        if files:
            self._tell_uses()
            folder = Path(files[0]).parent
            lists = [Path(file).name for file in files if shots.is_list(file)]
            pages = [Path(file).name for file in files if file.endswith((".md", ".html"))]
            names = text(" and ").join(name for name in pages if name not in lists)
            self._messages.tell(
                text("Exported {names} to {folder}.", names=names or Path(files[0]).name, folder=folder),
                text("What is still to be taken is in “{name}”.", name=lists[0]) if lists else "",
                action=(text("Open folder"), lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))),
            )

    def _failed(self, job: int, report: wire.Failed) -> None:
        if self._jobs.pop(job, None) is not None:
            self._messages.tell(report.message, report.hint, surface="error", details=report.details)

    def _died(self, jobs: list[int], _restarted: bool) -> None:
        lost = [job for job in jobs if self._jobs.pop(job, None) is not None]
        if lost:
            self._messages.tell(
                text("The engine stopped before it was done. Please try again."),
                surface="error",
                details=self._client.last_errors,
            )


def _filter() -> str:
    return text("Pictorial articles") + f" (*{SUFFIX})"


def _plain(name: str) -> str:
    kept = "".join(letter if letter.isalnum() or letter in " -_" else " " for letter in name)
    return " ".join(kept.split())[:80] or "article"
