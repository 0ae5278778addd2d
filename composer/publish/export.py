"""An article as files in a folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from composer import shots
from composer.errors import ComposerError, LibraryError
from composer.files import write_safely
from composer.publish.html import html
from composer.publish.markdown import markdown
from composer.publish.shots import shots_markdown
from composer.stages.layout import Node, layout
from composer.types import Composition
from composer.wire import Format

NAME = "article"
PICTURES = "pictures"


def export(composition: Composition, folder: Path, formats: Sequence[Format]) -> tuple[Path, ...]:
    """Write `article.md` with `pictures/`, `article.html`, or both; returns the files, the main ones first.

    Where places of the article are empty, `article - shot list.md` says what should be taken for them; it follows the
    main files. Files of the same names are replaced, nothing else is touched. Raises ComposerError when there is
    nothing to write, a picture is gone, or the disk is full.
    """
    nodes = layout(composition)
    if not nodes:
        raise ComposerError("There is no article yet.", "Compose one first, then export it.")
    written: list[Path] = []
    pictures: list[Path] = []
    if "markdown" in formats:
        files = _copy_pictures(nodes, folder)
        write_safely(folder / f"{NAME}.md", markdown(nodes, files).encode("utf-8"))
        written.append(folder / f"{NAME}.md")
        pictures = [folder / name for name in files.values()]
    if "html" in formats:
        write_safely(folder / f"{NAME}.html", html(nodes, composition.brief.language).encode("utf-8"))
        written.append(folder / f"{NAME}.html")
    return (*written, *_write_shots(composition, folder), *pictures)


def _write_shots(composition: Composition, folder: Path) -> tuple[Path, ...]:
    """The shot list, where something is to be taken. A list of an earlier export is not left saying what is no longer
    so."""
    path = folder / shots.file_name(NAME, composition.brief.language)
    if not shots.shot_list(composition) and not path.exists():
        return ()
    write_safely(path, shots_markdown(composition).encode("utf-8"))
    return (path,)


def _copy_pictures(nodes: Sequence[Node], folder: Path) -> dict[str, str]:
    """Copy the originals, numbered in reading order; returns each picture's id and its path from the page."""
    files: dict[str, str] = {}
    for node in nodes:
        if node.picture is None or node.picture.id in files:
            continue
        source = Path(node.picture.path)
        stem = re.sub(r"[^\w-]+", "-", source.stem).strip("-") or "picture"
        name = f"{PICTURES}/{len(files) + 1:02d}-{stem[:60]}{source.suffix.lower()}"
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not (target.exists() and target.samefile(source)):
                shutil.copyfile(source, target)
        except OSError as error:
            raise LibraryError(
                f"{source} could not be copied to {target.parent} ({error.strerror or error}).",
                "Bring the file back, choose another picture, or make room on the disk.",
            ) from error
        files[node.picture.id] = name
    return files
