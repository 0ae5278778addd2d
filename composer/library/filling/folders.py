"""The folders of the library and what of them is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import pathspec
from msgspec import Struct

from composer.library.database import Database, absolute


class Rules:
    """Which files and folders of a library folder are wanted. Patterns are those of gitignore files."""

    def __init__(self, include: str = "", exclude: str = "") -> None:
        """One pattern a line. Without `include` everything is wanted that `exclude` does not name."""
        self.include, self.exclude = include, exclude

    @property
    def key(self) -> str:
        """Differs between rules that differ."""
        return f"{self.include}\0{self.exclude}"

    def leaves_out(self, names: Sequence[str], *, folder: bool = False) -> bool:
        """Whether a path, given by its names below the library folder, is not wanted.

        A folder is only left out by `exclude`: what is included may lie below it.
        """
        if not (self.include or self.exclude):
            return False
        path = "/".join(names) + ("/" if folder else "")
        if self._excluded.match_file(path):
            return True
        return bool(self.include) and not folder and not self._included.match_file(path)

    @cached_property
    def _included(self) -> pathspec.GitIgnoreSpec:
        return pathspec.GitIgnoreSpec.from_lines(self.include.splitlines())

    @cached_property
    def _excluded(self) -> pathspec.GitIgnoreSpec:
        return pathspec.GitIgnoreSpec.from_lines(self.exclude.splitlines())


class Folder(Struct, frozen=True):
    """One folder of the library."""

    path: str
    include: str = ""
    exclude: str = ""
    watched: bool = False


class Folders:
    """The library's folders. Every method raises LibraryError as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Folder]:
        found = self._database.all("SELECT path, include, exclude, watched FROM folders ORDER BY path")
        return [Folder(path, include, exclude, bool(watched)) for path, include, exclude, watched in found]

    def remember(self, folder: str) -> None:
        """Make it a folder of the library; does nothing when it is one."""
        path = absolute(folder)
        if not self._database.all("SELECT 1 FROM folders WHERE path = ?", [path]):
            with self._database.writing() as link:
                link.execute("INSERT OR IGNORE INTO folders (path) VALUES (?)", [path])

    def put(self, folder: Folder) -> None:
        """Set the rules of a folder, and whether it is watched; they count from the next scan on."""
        with self._database.writing() as link:
            link.execute(
                "INSERT OR REPLACE INTO folders (path, include, exclude, watched) VALUES (?, ?, ?, ?)",
                [absolute(folder.path), folder.include, folder.exclude, int(folder.watched)],
            )

    def rules(self, folder: str) -> Rules:
        """The rules of a folder; those that leave nothing out when it has none."""
        found = self._database.all("SELECT include, exclude FROM folders WHERE path = ?", [absolute(folder)])
        return Rules(*found[0]) if found else Rules()

    def drop(self, folder: str) -> None:
        """Take a folder off the library's list. Its files stay in the catalogue until `Catalogue.forget_places`."""
        with self._database.writing() as link:
            link.execute("DELETE FROM folders WHERE path = ?", [absolute(folder)])
