"""What works on this machine, what does not, and what to do about it, in words a writer understands."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator

from composer.errors import ComposerError, ModelNotReady
from composer.home import home
from composer.ports import Check
from composer.settings import Settings
from models import store
from models.registry import ENCODERS, RERANKERS, WRITERS

LIBRARIES = {
    "torch": "picture models",
    "transformers": "picture models and large writers",
    "open_clip": "open_clip encoders",
    "faiss": "picture search",
    "xllamacpp": "the writer",
    "PySide6": "the window",
}
FREE_DISK_BYTES = 2 << 30


def checks(settings: Settings) -> Iterator[Check]:
    """Every check in turn. Nothing heavy is imported and nothing is loaded."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Check("Python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer.")
    for name, use in LIBRARIES.items():
        found = importlib.util.find_spec(name) is not None
        yield Check(name, found, f"for {use}", "" if found else "Run `make setup`.")
    for role, name, known in (
        ("Writer", settings.writer, WRITERS),
        ("Encoder", settings.encoder, ENCODERS),
        ("Re-ranker", settings.reranker, RERANKERS),
    ):
        yield _model(role, name, known)
    free = shutil.disk_usage(home()).free
    yield Check(
        "Disk", free > FREE_DISK_BYTES, f"{free / 1e9:.1f} GB free in {home()}", "Make room, or move PICTORIAL_HOME."
    )
    yield _memory(settings)


def _model(role: str, name: str, known: dict[str, str]) -> Check:
    if name not in known:
        return Check(role, True, f"{name} (checked when it is used)", "")
    model = store.find(known[name])
    try:
        store.ready(model)
    except ModelNotReady as error:
        return Check(role, False, error.message, error.hint)
    except ComposerError as error:
        return Check(role, False, error.message, error.hint)
    honest = "" if role != "Re-ranker" else "; it reads captions and file names and does not see the pictures"
    return Check(role, True, f"{model.title}{honest}", "")


def _memory(settings: Settings) -> Check:
    import psutil

    needed = sum(
        store.find(known[name]).memory_mb
        for name, known in ((settings.writer, WRITERS), (settings.encoder, ENCODERS))
        if name in known
    )
    free = psutil.virtual_memory().available >> 20
    return Check(
        "Memory", free > needed, f"{free} MB free, {needed} MB needed by the chosen models",
        "Close other programs, or choose the tiny writer.",
    )  # fmt: skip
