"""Pictures read from disk and scaled away from the GUI thread, the newest wish first.

So many bytes of them are kept, those used last.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageIOHandler, QImageReader

BYTES_KEPT = 128 * 2**20
WAITING = 160
"""Wishes that wait; older ones are forgotten, as what they were for has been scrolled away."""
THREADS = 2
AT_ONCE = 4

Key = tuple[str, int, int]
Wish = tuple[Key, tuple[str, ...]]


def read_scaled(path: str, width: int, height: int) -> QImage:
    """The picture upright, scaled to fit into width x height pixels, never enlarged; a null image if unreadable."""
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid():
        # Scaling happens before turning upright, so a picture that lies on its side gets the box turned.
        turned = bool(reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90)
        box = QSize(height, width) if turned else QSize(width, height)
        if size.width() > box.width() or size.height() > box.height():
            reader.setScaledSize(size.scaled(box, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1)))
    return reader.read()


class _Answer(QObject):
    ready = Signal(list)


class _Job(QRunnable):
    def __init__(self, wishes: list[Wish], answer: _Answer) -> None:
        super().__init__()
        self._wishes, self._answer = wishes, answer

    def run(self) -> None:
        self._answer.ready.emit([(key, _first_readable(paths, key[1], key[2])) for key, paths in self._wishes])


def _first_readable(paths: tuple[str, ...], width: int, height: int) -> QImage:
    for path in paths:
        image = read_scaled(path, width, height)
        if not image.isNull():
            # The form that is painted fastest; converting here keeps that off the GUI thread.
            return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    return QImage()


class ImageLoader(QObject):
    """Asks for pictures and hears about them: `get` returns what is there now, `loaded` tells of what came later."""

    loaded = Signal(str)
    """The first path that was asked for."""

    def __init__(self, parent: QObject | None = None, bytes_kept: int = BYTES_KEPT) -> None:
        super().__init__(parent)
        self._most = bytes_kept
        self._cache: OrderedDict[Key, QImage] = OrderedDict()
        self._last: dict[str, Key] = {}
        self._bytes = 0
        self._waiting: OrderedDict[Key, tuple[str, ...]] = OrderedDict()
        self._running: set[Key] = set()
        self._jobs = 0
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(THREADS)
        self._answer = _Answer(self)
        self._answer.ready.connect(self._keep, Qt.ConnectionType.QueuedConnection)

    def get(self, paths: tuple[str, ...], size: QSize) -> QImage | None:
        """The picture of the first readable path within `size` pixels; None while it is not read, null if it cannot be.

        What is asked for last is read first.
        """
        paths = tuple(path for path in paths if path)
        if not paths:
            return QImage()
        key = (paths[0], size.width(), size.height())
        image = self._cache.get(key)
        if image is not None:
            self._cache.move_to_end(key)
            return image
        if key not in self._running:
            self._waiting[key] = paths
            self._waiting.move_to_end(key)
            while len(self._waiting) > WAITING:
                self._waiting.popitem(last=False)
            self._start()
        return None

    def nearest(self, paths: tuple[str, ...]) -> QImage | None:
        """The picture in whatever size it was read last: better than nothing while the right one is on its way."""
        first = next((path for path in paths if path), "")
        key = self._last.get(first)
        return self._cache.get(key) if key is not None else None

    @property
    def bytes(self) -> int:
        """How much is kept."""
        return self._bytes

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def close(self) -> None:
        """Forget what waits, and wait for what is being read."""
        self._waiting.clear()
        self._pool.clear()
        self._pool.waitForDone()

    def _start(self) -> None:
        while self._jobs < THREADS and self._waiting:
            wishes = [self._waiting.popitem() for _ in range(min(AT_ONCE, len(self._waiting)))]
            self._running |= {key for key, _ in wishes}
            self._jobs += 1
            self._pool.start(_Job(wishes, self._answer))

    def _keep(self, read: list[tuple[Key, QImage]]) -> None:
        self._jobs -= 1
        for key, image in read:
            self._running.discard(key)
            self._cache[key] = image
            self._last[key[0]] = key
            self._bytes += image.sizeInBytes()
        while self._bytes > self._most and len(self._cache) > 1:
            gone, old = self._cache.popitem(last=False)
            self._bytes -= old.sizeInBytes()
            if self._last.get(gone[0]) == gone:
                del self._last[gone[0]]
        self._start()
        for key, _ in read:
            self.loaded.emit(key[0])


def name_of(path: str) -> str:
    """A file's name in words, for a picture without a caption."""
    return Path(path).stem.replace("_", " ").replace("-", " ").strip()
