"""Carries out the commands about the picture library, and works on it in the background."""

from __future__ import annotations

from collections.abc import Iterator

from composer.errors import ComposerError
from composer.library.pace import Pace
from composer.pipeline import Tools
from composer.ports import Cancel
from composer.wire import (
    AnyReport,
    DescribePicture,
    DropFolder,
    EditPicture,
    FindPictures,
    IndexLibrary,
    MarkPictures,
    PutFolder,
    SetPace,
    ShowHits,
    ShowLibrary,
    UsePictures,
)

LibraryCommand = (
    FindPictures | ShowHits | DescribePicture | MarkPictures | EditPicture | UsePictures | ShowLibrary | PutFolder
    | DropFolder | IndexLibrary | SetPace
)  # fmt: skip
"""What is carried out here."""


def carry_out(command: LibraryCommand, tools: Tools, pace: Pace, cancel: Cancel) -> Iterator[AnyReport]:
    """Do one command; yields its reports, not the Done at its end."""
    cancel.check()
    pace.step(cancel)
    raise ComposerError(f"{type(command).__name__} is not done yet with {type(tools).__name__}.")
    yield
