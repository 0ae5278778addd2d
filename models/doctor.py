"""What works on this machine, what does not, and what to do about it, in words a writer understands."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from composer.errors import ComposerError
from composer.home import home
from composer.ports import Check, Purpose
from composer.settings import Settings
from composer.types import Language
from models import choices, fusion, machine
from models.choices import Judged
from models.indexes import milvus_place, problems
from models.machine import Machine
from models.readers import content

LIBRARIES = {
    "torch": "picture models",
    "transformers": "picture models and large writers",
    "open_clip": "open_clip encoders",
    "faiss": "picture search",
    "xllamacpp": "the writer",
    "huggingface_hub": "fetching models",
    "PySide6": "the window",
}
FREE_DISK_BYTES = 2 << 30
NAMES: dict[Language, str] = {"en": "English", "zh": "Chinese"}


def checks(settings: Settings) -> Iterator[Check]:
    """Every check in turn. Nothing heavy is imported, nothing is loaded, no connection is made."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Check("Python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer.")
    for name, use in LIBRARIES.items():
        found = importlib.util.find_spec(name) is not None
        yield Check(name, found, f"for {use}", "" if found else "Run `make setup`.")
    judged: list[Judged] = []
    for purpose, role in choices.ROLES.items():
        yield _model(role.capitalize(), purpose, settings, judged)
    yield _choosing(settings)
    if settings.screen_content:
        yield _screens()
    here = machine.look()
    yield _index(settings)
    yield _card(here)
    yield _memory(here, judged)
    yield _disk()


def _model(role: str, purpose: Purpose, settings: Settings, judged: list[Judged]) -> Check:
    setting = getattr(settings, purpose)
    try:
        found = choices.judge(purpose, setting, settings)
    except ComposerError as error:
        return Check(role, False, error.message, error.hint)
    judged.append(found)
    notes = [_languages(purpose, found), *found.notes]
    return Check(role, True, "; ".join(note for note in (found.title, *notes) if note))


def _choosing(settings: Settings) -> Check:
    """Whether it was measured how the scores of these models are best joined, and whether the re-ranker helps."""
    if broken := fusion.problem():
        return Check("Choosing", False, broken.message, broken.hint)
    fitted, gain = fusion.fusion_of(settings).fitted, fusion.gain_of(settings)
    if gain == "nothing":
        said = "the re-ranker was measured with this encoder, adds nothing and is not asked"
        return Check("Choosing", True, f"{said}: `python main.py models use none` frees its memory")
    if gain == "unmeasured" or not fitted:
        said = "nobody has measured how the scores of this re-ranker and this encoder are best joined"
        if settings.reranker == "none":
            said = "nobody has measured how the scores of this encoder are best joined with words"
        return Check("Choosing", True, f"{said}: `python main.py evaluate GOLD --fit` does, as does --fit alone")
    return Check("Choosing", True, f"fitted on {fitted}")


def _screens() -> Check:
    """Asked only where the settings want faces and unsafe pictures told."""
    try:
        content.weights()
    except ComposerError as error:
        return Check("Screens", False, error.message, error.hint)
    return Check("Screens", True, "faces and unsafe pictures are told")


def _languages(purpose: Purpose, found: Judged) -> str:
    reads = f"{'writes' if purpose == 'writer' else 'reads'} {' and '.join(NAMES[each] for each in found.languages)}"
    if found.setting == "none" or found.setting.startswith("server:"):
        return ""
    if "zh" in found.languages:
        return reads
    if purpose == "writer":
        return f"{reads} only"
    return f"{reads} only: for a Chinese article it is asked in English"


def _index(settings: Settings) -> Check:
    """Where pictures are searched by vector, and whether that was well at the last look. It is not opened."""
    if settings.index:
        return _milvus(settings)
    wrong = problems.told(home() / "library" / "indexes")
    return Check("Picture index", not wrong, " ".join(wrong) or "on this machine", "Make room on the disk.")


def _milvus(settings: Settings) -> Check:
    try:
        place = milvus_place.parse(milvus_place.judged(settings.index, settings.allowed_hosts))
    except ComposerError as error:
        return Check("Picture index", False, error.message, error.hint)
    return Check("Picture index", True, f"on Milvus, {place.title}")


def _card(here: Machine) -> Check:
    """The graphics card, and which runtimes can use it."""
    if here.problem:
        return Check("Graphics card", False, here.problem, "Install the card's driver, or go on with the processor.")
    if here.unified:
        return Check("Graphics card", True, "Apple's, which works in the main memory")
    if here.card is None:
        return Check("Graphics card", True, f"none that can be used: models run on {here.cores} processor cores")
    card = f"{here.card.name}, {here.card.free} of {here.card.total} MB free"
    if not _torch_uses_cards():
        return Check(
            "Graphics card", False, f"{card}, but this PyTorch cannot use it",
            "Install PyTorch for your card (pytorch.org), or go on with the processor.",
        )  # fmt: skip
    gguf = "" if _llama_uses_cards() else "; GGUF models run on the processor"
    return Check("Graphics card", True, f"{card}{gguf}")


def _torch_uses_cards() -> bool:
    """Told by the build's version and the libraries that came with it; torch is not imported."""
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return False
    if "+" in version:
        return "+cu" in version or "+rocm" in version
    return any(_installed(name) for name in ("nvidia-cublas", "nvidia-cublas-cu12", "nvidia-cuda-runtime"))


def _llama_uses_cards() -> bool:
    found = importlib.util.find_spec("xllamacpp")
    places = found.submodule_search_locations if found else None
    return bool(places) and any("cuda" in path.name.lower() for path in Path(places[0]).rglob("*"))


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _memory(here: Machine, judged: list[Judged]) -> Check:
    """All models stay loaded while an article is made, so what they need adds up."""
    needed = sum(each.memory_mb for each in judged)
    detail = f"{here.free} MB free, {needed} MB needed by the chosen models together"
    on_card = here.card.free if here.card else 0
    return Check(
        "Memory", here.free + on_card > needed, detail,
        "Close other programs, or choose smaller models: `python main.py models sets` names some that go together.",
    )  # fmt: skip


def _disk() -> Check:
    free = shutil.disk_usage(home()).free
    return Check(
        "Disk", free > FREE_DISK_BYTES, f"{free / 1e9:.1f} GB free in {home()}", "Make room, or move PICTORIAL_HOME."
    )
