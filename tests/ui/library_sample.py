"""A picture library that knows names and nothing else: what the stand-in engine shows on the page of the library."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from composer import wire
from composer.collection import (
    Credential,
    Details,
    Hit,
    LibraryFolder,
    LibraryState,
    Query,
    Rights,
    Screens,
    Used,
)
from composer.errors import ModelNotReady
from composer.types import Picture

SUBJECTS = ("Castle", "Windmill", "Harbour", "Church", "Bridge", "Meadow", "Market", "Lighthouse", "Forest", "Lane")
RIGHTS: tuple[Rights, ...] = ("free", "unknown", "licensed")
LICENCES = {"free": "CC BY 4.0", "unknown": "", "licensed": "© All rights reserved"}
COMMANDS = (
    wire.FindPictures | wire.ShowHits | wire.DescribePicture | wire.MarkPictures | wire.EditPicture | wire.UsePictures
    | wire.ShowLibrary | wire.PutFolder | wire.DropFolder | wire.IndexLibrary | wire.SetPace | wire.SetLibrary
    | wire.ShowSkipped
)  # fmt: skip


class Stock:
    """As many pictures as wished, named by their number; the files of a folder serve as previews in turn."""

    def __init__(self, count: int, folder: str, skipped: int = 1) -> None:
        self.count, self.skipped = count, skipped
        self.files = sorted(str(path) for path in Path(folder).glob("*.jpg")) if folder else []
        self.marks: dict[str, Hit] = {}
        self.captions: dict[str, str] = {}
        self.found: dict[str, list[int] | range] = {}
        self.queries: list[Query] = []
        where = folder or "/pictures"
        listed = (LibraryFolder(path=where, pictures=count, skipped=skipped),) if count else ()
        self.state = LibraryState(
            folders=listed,
            pictures=count,
            files=count,
            skipped=skipped,
            bytes=count * 4_000_000,
            tags=("cover", "print"),
        )

    def hit(self, row: int) -> Hit:
        name = f"p{row:07}"
        if name in self.marks:
            return self.marks[name]
        subject, rights = SUBJECTS[row % len(SUBJECTS)], RIGHTS[row % 3]
        file = self.files[row % len(self.files)] if self.files else ""
        picture = Picture(
            id=name, path=file or f"/pictures/{name}.jpg", preview=file, width=120, height=80,
            caption=self.captions.get(name, f"{subject} {row}"), licence=LICENCES[rights], credit="A. Walker",
        )  # fmt: skip
        return Hit(picture=picture, vector=0.3, words=0.5, score=0.8, rights=rights, copies=2 if row == 3 else 0)

    def carry_out(self, command: wire.AnyCommand) -> Iterator[wire.AnyReport]:
        match command:
            case wire.FindPictures(query=query, search=search, count=count):
                rows = self._rows(query)
                self.found[search] = rows
                self.queries.append(query)
                yield wire.Matched(search, len(rows), tuple(map(self.hit, rows[:count])))
            case wire.ShowHits(search=search, start=start, count=count):
                rows = self.found[search][start : start + count]
                yield wire.HitsShown(search, start, tuple(map(self.hit, rows)))
            case wire.DescribePicture(id=name):
                yield wire.Described(self.details(name))
            case wire.MarkPictures():
                for name in command.ids:
                    self._mark(name, command)
                yield wire.LibraryChanged(command.ids)
            case wire.EditPicture(id=name, edit=edit):
                if edit.caption is not None:
                    self.captions[name] = edit.caption
                yield wire.Described(self.details(name))
            case wire.ShowSkipped(folder=folder, after=after, count=count):
                names = [f"{folder}/broken-{at:06}.jpg" for at in range(self.skipped)]
                rest = [wire.Skipped(name, "it is damaged") for name in names if name > after]
                yield wire.SkippedShown(folder, tuple(rest[:count]), more=len(rest) > count)
            case wire.UsePictures():
                yield wire.LibraryChanged(command.ids)
            case _:
                yield from self._mind_folders(command)

    def _mind_folders(self, command: wire.AnyCommand) -> Iterator[wire.AnyReport]:
        state = self.state
        match command:
            case wire.PutFolder(folder=folder):
                others = tuple(each for each in state.folders if each.path != folder.path)
                self.state = replace(state, folders=(*others, folder))
            case wire.DropFolder(path=path):
                self.state = replace(state, folders=tuple(each for each in state.folders if each.path != path))
            case wire.SetPace(paused=paused, share=share):
                self.state = replace(state, paused=paused, share=share)
            case wire.SetLibrary(index=index, read_texts=read_texts, screen_content=faces):
                if "nonsense" in (index or ""):
                    raise ModelNotReady("That is no place for an index on Milvus.", "Write milvus://HOST:PORT/NAME.")
                self.state = replace(state, index=index or "", read_texts=bool(read_texts), screen_content=bool(faces))
            case wire.IndexLibrary(folders=folders):
                for done in range(5):
                    yield wire.Indexing("scan", done, 5, seconds_left=40.0 - done)
                    time.sleep(0.01)
                for folder in folders or tuple(each.path for each in state.folders):
                    broken = wire.Skipped(f"{folder}/broken.jpg", "it is damaged")
                    found = self.count or len(list(Path(folder).glob("*.jpg")))
                    yield wire.Scanned(folder, found, 1, 0, (broken,), 1)
            case _:
                pass
        yield wire.LibraryShown(self.state)

    def details(self, name: str) -> Details:
        hit = self.hit(int(name[1:]))
        return Details(
            picture=hit.picture, paths=(hit.picture.path,), keywords=("stone", "wind"), rating=hit.rating,
            hidden=hit.hidden, tags=hit.tags, rights=hit.rights, said="OPEN DAILY",
            warning="" if hit.rights == "free" else "Ask whoever holds the rights before printing it.",
            uses=(Used("/a.pictorial", "Stone, Wind and Water", "2026-05-04"),),
            copies=tuple(self.hit(row).picture for row in (4, 5)) if name == "p0000003" else (),
            screens=Screens(kind="photograph", sharpness=0.8, faces=2, colours=("blue",)),
            credential=Credential(valid=True, signer="Press Agency", generated=True),
            sidecar=f"{hit.picture.path}.xmp",
        )  # fmt: skip

    def _rows(self, query: Query) -> list[int] | range:
        rows: list[int] | range = range(self.count)
        if query.text:
            rows = [row for row in rows if query.text.lower() in SUBJECTS[row % len(SUBJECTS)].lower()]
        if query.filter.rights:
            rows = [row for row in rows if RIGHTS[row % 3] in query.filter.rights]
        if query.filter.orientation == "square":
            rows = []
        return rows

    def _mark(self, name: str, mark: wire.MarkPictures) -> None:
        hit = self.hit(int(name[1:]))
        tags = hit.tags if mark.tags is None else mark.tags
        self.marks[name] = replace(
            hit,
            rating=hit.rating if mark.rating is None else mark.rating,
            hidden=hit.hidden if mark.hidden is None else mark.hidden,
            tags=(*(tag for tag in tags if tag not in mark.remove_tags), *mark.add_tags),
        )
