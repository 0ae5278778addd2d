"""Traits: everything that signals go by, read at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from composer.library.catalogue import Catalogue
from composer.library.finding.traits import traits
from tests.library.conftest import Scan, paint

TODAY = date(2026, 6, 1)


@pytest.fixture
def filled(catalogue: Catalogue, folder: Path, run: Scan) -> Catalogue:
    for seed, size in enumerate([(160, 120), (120, 200), (300, 100)]):
        paint(seed, size).save(folder / f"{seed}.png")
    run()
    return catalogue


def rows_of(catalogue: Catalogue) -> dict[str, int]:
    """Row by the name of the file."""
    found = catalogue.pictures(catalogue.rows([]).tolist())
    return {Path(picture.path).stem: row for row, picture in found.items()}


def test_sizes_and_colours_are_those_of_the_pictures(filled: Catalogue) -> None:
    rows = rows_of(filled)
    found = traits(filled, rows.values())
    assert {(found[row].width, found[row].height) for row in rows.values()} == {(160, 120), (120, 200), (300, 100)}
    for each in found.values():
        assert each.colours is not None
        assert 0 < each.colours.lightness < 100
        assert each.kind == "", "nobody looked at them yet"


def test_only_what_was_asked_for_and_is_there_comes(filled: Catalogue) -> None:
    row = rows_of(filled)["1"]
    assert list(traits(filled, [row, 999_999])) == [row]
    assert traits(filled, []) == {}


def test_what_screens_saw_is_told(filled: Catalogue) -> None:
    row = rows_of(filled)["0"]
    with filled.database.writing() as link:
        link.execute("UPDATE pictures SET kind = 'drawing' WHERE row = ?", [row])
    found = traits(filled, [row])[row]
    assert (found.kind, found.drawn) == ("drawing", True)


@pytest.mark.parametrize(
    ("licence", "rights"), [("CC BY 4.0", "free"), ("All rights reserved", "licensed"), ("", "unknown")]
)
def test_rights_are_read_from_the_licence(filled: Catalogue, licence: str, rights: str) -> None:
    row = rows_of(filled)["0"]
    with filled.database.writing() as link:
        link.execute("UPDATE pictures SET licence = ? WHERE row = ?", [licence, row])
    assert traits(filled, [row])[row].rights == rights


def test_uses_are_counted_but_for_the_article_in_hand(filled: Catalogue) -> None:
    rows = rows_of(filled)
    ids = {name: picture.id for name, row in rows.items() for picture in filled.pictures([row]).values()}
    filled.marks.use("/one.pictorial", "One", [ids["0"], ids["1"]], date(2026, 1, 1))
    filled.marks.use("/two.pictorial", "Two", [ids["0"]], date(2026, 5, 2))
    found = traits(filled, rows.values(), today=TODAY)
    assert {name: (found[row].uses, found[row].days) for name, row in rows.items()} == {
        "0": (2, 30),
        "1": (1, 151),
        "2": (0, None),
    }
    own = traits(filled, rows.values(), article="/two.pictorial", today=TODAY)
    assert (own[rows["0"]].uses, own[rows["0"]].days) == (1, 151)


def test_a_day_to_come_or_unreadable_is_borne(filled: Catalogue) -> None:
    rows = rows_of(filled)
    ids = {name: picture.id for name, row in rows.items() for picture in filled.pictures([row]).values()}
    filled.marks.use("/later.pictorial", "Later", [ids["0"]], date(2027, 1, 1))
    with filled.database.writing() as link:
        link.execute("INSERT INTO uses VALUES (?, '/odd.pictorial', 'Odd', 'some day')", [ids["1"]])
    found = traits(filled, rows.values(), today=TODAY)
    assert (found[rows["0"]].days, found[rows["1"]].days, found[rows["1"]].uses) == (0, None, 1)
