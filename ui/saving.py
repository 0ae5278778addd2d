"""Projects written away from the GUI thread, one after the other: waiting for the disk never holds the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal

from composer import project
from composer.errors import ComposerError
from composer.types import Composition


class _Answer(QObject):
    ended = Signal(object, object, object)


class _Job(QRunnable):
    def __init__(
        self, composition: Composition, path: Path, tell: Callable[[Path, ComposerError | None], None]
    ) -> None:
        super().__init__()
        self._composition, self._path, self._tell = composition, path, tell

    def run(self) -> None:
        try:
            project.save(self._composition, self._path)
        except ComposerError as error:
            self._tell(self._path, error)
        else:
            self._tell(self._path, None)


class Saver(QObject):
    """Saves in the order asked; `saved` or `failed` tells how each ended."""

    saved = Signal(object, object)
    """The path, and the composition that is now on the disk."""
    failed = Signal(object, object)
    """The path, and the ComposerError."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._answer = _Answer(self)
        self._answer.ended.connect(self._ended, Qt.ConnectionType.QueuedConnection)

    def save(self, composition: Composition, path: Path) -> None:
        def tell(where: Path, error: ComposerError | None) -> None:
            self._answer.ended.emit(where, composition, error)

        self._pool.start(_Job(composition, path, tell))

    def finish(self) -> None:
        """Wait until everything asked for is on the disk."""
        self._pool.waitForDone()

    def _ended(self, path: Path, composition: Composition, error: ComposerError | None) -> None:
        if error is None:
            self.saved.emit(path, composition)
        else:
            self.failed.emit(path, error)
