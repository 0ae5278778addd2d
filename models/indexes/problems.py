"""Why an index could not be made anew, kept in a file of its folder: terminal and window read it without opening it."""

from __future__ import annotations

from collections.abc import Container
from contextlib import suppress
from pathlib import Path

NAME = "problem"


def keep(index: Path, why: str) -> None:
    """Remember it for the index in that folder; forget, when there is nothing to tell. A full disk is no error."""
    with suppress(OSError):
        if why:
            (index / NAME).write_text(why, "utf-8")
        else:
            (index / NAME).unlink(missing_ok=True)


def told(indexes: Path) -> list[str]:
    """A sentence for each thing that went wrong with an index below the folder."""
    found: dict[str, None] = {}
    for file in sorted([*indexes.glob(f"*/{NAME}"), *indexes.glob(f"*/beside-*/{NAME}")]):
        with suppress(OSError):
            why = file.read_text("utf-8", "replace").strip() or "the disk is full"  # so full that no word went in
            found[_sentence(why)] = None
    return list(found)


def forget_others(indexes: Path, used: Container[str]) -> None:
    """What went wrong with indexes of models that are not used any more concerns nobody until they are used again."""
    for file in indexes.glob(f"*/{NAME}"):
        if file.parent.name not in used:
            keep(file.parent, "")


def _sentence(why: str) -> str:
    return (
        f"The index of pictures could not be rebuilt ({why}): pictures are found as before, but more slowly the more"
        " there are. See that there is room on the disk; it is tried again at the next start."
    )
