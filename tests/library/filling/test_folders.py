from __future__ import annotations

from pathlib import Path

from composer.library.catalogue import Catalogue
from composer.library.filling.folders import Folder, Rules
from tests.library.conftest import Scan, paint


def test_rules_are_those_of_gitignore_files() -> None:
    rules = Rules(exclude="*.png\nprivate/\n/top.jpg\n!keep.png")
    assert rules.leaves_out(("a", "b.png"))
    assert not rules.leaves_out(("a", "keep.png"))
    assert rules.leaves_out(("a", "private"), folder=True)
    assert rules.leaves_out(("top.jpg",))
    assert not rules.leaves_out(("a", "top.jpg"))


def test_only_what_is_included_is_wanted_and_folders_are_looked_into() -> None:
    rules = Rules(include="2024/**\n*.tif")
    assert not rules.leaves_out(("2024", "a.jpg"))
    assert not rules.leaves_out(("x", "b.tif"))
    assert rules.leaves_out(("x", "b.jpg"))
    assert not rules.leaves_out(("x",), folder=True)


def test_a_scan_follows_the_rules_as_they_are_now(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    for number, name in enumerate(("a.jpg", "b.png", "c.jpg")):
        (folder / "private").mkdir(exist_ok=True)
        paint(number).save(folder / name)
        paint(number + 9).save(folder / "private" / name)
    run()
    assert catalogue.stats().pictures == 6
    catalogue.folders.put(Folder(str(folder), exclude="private/\n*.png"))
    run()
    assert sorted(Path(each.path).name for each in catalogue.pictures(catalogue.rows([]).tolist()).values()) == [
        "a.jpg",
        "c.jpg",
    ]
    catalogue.folders.put(Folder(str(folder)))
    *_, last = run()
    assert (last.added, catalogue.stats().pictures) == (4, 6)


def test_folders_are_remembered_until_they_are_dropped(catalogue: Catalogue, folder: Path) -> None:
    catalogue.folders.remember(str(folder))
    catalogue.folders.put(Folder(str(folder), watched=True))
    catalogue.folders.remember(str(folder))
    assert catalogue.folders.all() == [Folder(str(folder), watched=True)]
    catalogue.folders.drop(str(folder))
    assert catalogue.folders.all() == []
