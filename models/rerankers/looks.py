"""What a vision-language model keeps of pictures: on disk under a limit, the latest in memory too.

Two things a picture: what the vision tower made of it (small, and dear to make), and the keys and values of the
prompt's beginning, which the picture and the fixed words fill (larger, and cheaper to make from the first).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FEATURES, PREFIX = "features", "prefix"
MEMORY_BYTES = 256 << 20
ROOM = 0.9
"""Share of the limit that is left full when room is made, so that it is not made at every new picture."""


@dataclass
class Look:
    """One picture as one model sees it. Tensors are on the CPU."""

    run: list[int] = field(default_factory=list[int])
    """Tokens that the picture takes in a prompt."""
    features: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the vision tower made: tensors by name."""
    prefix: Any = None
    """Keys and values of the prompt's beginning, shape (layers, 2, heads, tokens, head size); None if not computed."""
    start: int = 0
    """Position of the token after the beginning; not its length where a picture's tokens share positions."""
    prior: float | None = None
    """Log-odds of yes for this picture when nothing is asked for."""


class Looks:
    """Looks by picture id. A file that is damaged or gone only means that the picture is looked at again.

    Several models share a `root` and its limit; `key` names the model and all that changes what it sees.
    Least recently used goes first, keys and values before features.
    """

    def __init__(self, root: Path | None, key: str, limit: int, memory: int = MEMORY_BYTES) -> None:
        """`limit` in bytes; without a root, or with no limit, looks are kept in memory only."""
        self._folder = root / key if root is not None and limit > 0 else None
        self._limit, self._memory = limit, memory
        self._held: OrderedDict[str, Look] = OrderedDict()
        self._files: dict[Path, tuple[float, int]] = dict(_files(root)) if self._folder and root else {}
        self._size = sum(size for _, size in self._files.values())
        self._pushed_out = False

    def get(self, picture: str) -> Look | None:
        """What is known of a picture; its parts may be missing."""
        if picture in self._held:
            self._held.move_to_end(picture)
            return self._held[picture]
        look = self._read(picture)
        if look is not None:
            self._hold(picture, look)
        return look

    def put(self, picture: str, look: Look) -> None:
        """Keep a look; what does not change is not written again."""
        self._hold(picture, look)
        if self._folder is None:
            return
        if look.features and not self._known(picture, FEATURES):
            self._write(picture, FEATURES, look.features, {"run": " ".join(map(str, look.run))})
        if look.prior is not None and not self._known(picture, PREFIX):
            kept = {} if look.prefix is None else {"prefix": look.prefix}
            self._write(picture, PREFIX, kept, {"start": str(look.start), "prior": repr(look.prior)})

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._size

    @property
    def full(self) -> bool:
        """Whether one more look would push out another. Without a disk everything is soon pushed out."""
        return self._folder is None or self._pushed_out or self._size > ROOM * self._limit

    def whole(self, picture: str) -> bool:
        """Whether both parts are on disk."""
        return self._known(picture, FEATURES) and self._known(picture, PREFIX)

    def forget(self) -> None:
        """Free the memory; what is on disk stays."""
        self._held.clear()

    # --- memory ---

    def _hold(self, picture: str, look: Look) -> None:
        self._held[picture] = look
        self._held.move_to_end(picture)
        while len(self._held) > 1 and sum(_bytes(each) for each in self._held.values()) > self._memory:
            self._held.popitem(last=False)

    # --- disk ---

    def _path(self, picture: str, part: str) -> Path:
        assert self._folder is not None  # noqa: S101 - asked only where there is a disk
        return self._folder / f"{picture}.{part}.safetensors"

    def _known(self, picture: str, part: str) -> bool:
        return self._folder is not None and self._path(picture, part) in self._files

    def _read(self, picture: str) -> Look | None:
        seen = self._load(picture, FEATURES)
        if seen is None:
            return None
        tensors, words = seen
        look = Look(run=[int(token) for token in words.get("run", "").split()], features=tensors)
        read = self._load(picture, PREFIX)
        if read is not None:
            tensors, words = read
            look.prefix, look.start, look.prior = tensors.get("prefix"), int(words["start"]), float(words["prior"])
        return look

    def _load(self, picture: str, part: str) -> tuple[dict[str, Any], dict[str, str]] | None:
        if not self._known(picture, part):
            return None
        from safetensors import SafetensorError, safe_open

        path = self._path(picture, part)
        try:
            with safe_open(path, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
                words = file.metadata() or {}
            os.utime(path)
        except (OSError, SafetensorError, ValueError):
            self._drop(path)
            return None
        self._files[path] = (time.time(), self._files[path][1])
        return tensors, words

    def _write(self, picture: str, part: str, tensors: dict[str, Any], words: dict[str, str]) -> None:
        from safetensors.torch import save_file

        path = self._path(picture, part)
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata=words)
            size = partial.stat().st_size
            os.replace(partial, path)
        except Exception as error:  # the library names a full disk in words of its own
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            if not isinstance(error, OSError) and type(error).__name__ != "SafetensorError":
                raise
            return
        self._files[path] = (time.time(), size)
        self._size += size
        if self._size > self._limit:
            self._make_room()

    def _make_room(self) -> None:
        self._pushed_out = True
        by_worth = sorted(
            self._files, key=lambda path: (path.name.endswith(f"{FEATURES}.safetensors"), *self._files[path])
        )
        for path in by_worth:
            if self._size <= ROOM * self._limit:
                return
            self._drop(path)

    def _drop(self, path: Path) -> None:
        self._size -= self._files.pop(path, (0.0, 0))[1]
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _files(root: Path) -> Iterator[tuple[Path, tuple[float, int]]]:
    """Every file below, with when it was last used and its size; leftovers of a broken write are removed."""
    for path in root.glob("*/*"):
        with contextlib.suppress(OSError):
            if path.suffix == ".safetensors":
                status = path.stat()
                yield path, (status.st_mtime, status.st_size)
            elif time.time() - path.stat().st_mtime > 3600:
                path.unlink()


def _bytes(look: Look) -> int:
    tensors = [*look.features.values(), *([look.prefix] if look.prefix is not None else [])]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
