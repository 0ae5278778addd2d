"""What a picture must be: every wish against a plain reading of it, and against each other."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from composer.collection import Filter
from composer.errors import LibraryError
from composer.library.catalogue import GONE, Catalogue, Entry
from composer.library.finding.filters import left_out, matching, numbers
from composer.library.words.metadata import Words

TOLD = {
    "paris": Words(place="Paris, France", taken="2019-05-04", licence="CC BY 4.0", creator="A", people="Ana Lind"),
    "zurich": Words(place="Zürich", taken="2019", licence="All rights reserved", copyright="(c) B"),
    "hangzhou": Words(place="杭州 西湖", taken="2020-01", licence="CC0"),
    "plain": Words(),
    "later": Words(taken="2020-12-31", people="Bo Ek; Ana Lindqvist", terms="Editorial use only"),
}
SIZES = {"paris": (300, 200), "zurich": (200, 300), "hangzhou": (300, 290), "plain": (1000, 100), "later": (200, 200)}


def key(name: str) -> str:
    return f"{name:0>32}"


@pytest.fixture
def filled(catalogue: Catalogue) -> Catalogue:
    catalogue.record(
        Entry(path=f"/{'a' if name < 'm' else 'b'}/{name}.jpg", size=1, mtime_ns=1, id=key(name), width=SIZES[name][0],
              height=SIZES[name][1], told=told, look=bytes(192), preview="x")
        for name, told in TOLD.items()
    )  # fmt: skip
    return catalogue


def names(catalogue: Catalogue, wish: Filter) -> set[str]:
    rows = matching(catalogue, wish)
    if rows is None:
        return set(TOLD)
    assert sorted(set(rows.tolist())) == rows.tolist()
    return {picture.id.lstrip("0") for picture in catalogue.pictures(rows.tolist()).values()}


def test_no_wish_is_no_list(filled: Catalogue) -> None:
    assert matching(filled, Filter()) is None
    assert matching(filled, Filter(copies=True)) is None
    assert matching(filled, Filter(folders=("/a", "/b"))) is None, "they hold everything"
    assert matching(filled, Filter(rights=("free", "licensed", "unknown"))) is None


@pytest.mark.parametrize(
    ("wish", "wanted"),
    [
        (Filter(folders=("/a",)), {"hangzhou", "later"}),
        (Filter(folders=("/none",)), set()),
        (Filter(orientation="landscape"), {"paris", "plain"}),
        (Filter(orientation="portrait"), {"zurich"}),
        (Filter(orientation="square"), {"hangzhou", "later"}),
        (Filter(width=300), {"paris", "hangzhou", "plain"}),
        (Filter(taken_from="2019"), {"paris", "zurich", "hangzhou", "later"}),
        (Filter(taken_from="2019-05"), {"paris", "hangzhou", "later"}),
        (Filter(taken_to="2019"), {"paris", "zurich"}),
        (Filter(taken_from="2019-05-04", taken_to="2019-05-04"), {"paris"}),
        (Filter(taken_from="2020", taken_to="2020-01"), {"hangzhou"}),
        (Filter(place="paris"), {"paris"}),
        (Filter(place="FRANCE par"), {"paris"}),
        (Filter(place="zurich"), {"zurich"}),
        (Filter(place="西湖"), {"hangzhou"}),
        (Filter(place="nowhere"), set()),
        (Filter(person="lind"), {"paris", "later"}),
        (Filter(person="ek"), {"later"}),
        (Filter(people=True), {"paris", "later"}),
        (Filter(people=False), {"zurich", "hangzhou", "plain"}),
        (Filter(rights=("free",)), {"paris", "hangzhou"}),
        (Filter(rights=("licensed",)), {"zurich", "later"}),
        (Filter(rights=("unknown",)), {"plain"}),
        (Filter(rights=("free", "unknown")), {"paris", "hangzhou", "plain"}),
        (Filter(licence="cc"), {"paris", "hangzhou"}),
    ],
)
def test_one_wish(filled: Catalogue, wish: Filter, wanted: set[str]) -> None:
    assert names(filled, wish) == wanted


def test_wishes_together_are_what_all_let_through(filled: Catalogue) -> None:
    wishes = {
        "orientation": "landscape", "taken_from": "2019", "rights": ("free",), "person": "lind", "folders": ("/b",)
    }  # fmt: skip
    together = names(filled, Filter(**wishes))  # pyright: ignore[reportArgumentType]
    alone = [names(filled, replace(Filter(), **{name: value})) for name, value in wishes.items()]
    assert together == set.intersection(*alone) == {"paris"}


def test_what_was_seen_in_pictures(filled: Catalogue) -> None:
    with filled.database.writing() as link:
        link.execute("UPDATE pictures SET kind = 'drawing', colours = 'red blue' WHERE id = ?", [key("paris")])
        link.execute("UPDATE pictures SET kind = 'photograph', colours = 'dark-red', faces = 2 WHERE id = ?",
                     [key("plain")])  # fmt: skip
    assert names(filled, Filter(kind="drawing")) == {"paris"}
    assert names(filled, Filter(colour="red")) == {"paris"}
    assert names(filled, Filter(people=True)) == {"paris", "later", "plain"}
    assert names(filled, Filter(people=False)) == {"zurich", "hangzhou"}


def test_screens(filled: Catalogue) -> None:
    seen = {"paris": "sharpness = 0.1", "zurich": "sharpness = 0.9, unsafe = 0.9", "hangzhou": "kind = 'text'",
            "plain": "sharpness = 0.9, unsafe = 0.1"}  # fmt: skip
    with filled.database.writing() as link:
        for name, change in seen.items():
            link.execute(f"UPDATE pictures SET {change} WHERE id = ?", [key(name)])  # noqa: S608 - as above
    assert names(filled, Filter(screens=True)) == {"plain", "later"}, "what was not looked at passes"


def test_marks_and_uses(filled: Catalogue) -> None:
    filled.marks.put([key("paris")], rating=3, tags=["red", "cover page"])
    filled.marks.put([key("plain")], rating=5, tags=["cover"])
    filled.marks.use("/x", "X", [key("later"), key("gone")])
    assert names(filled, Filter(rating=1)) == {"paris", "plain"}
    assert names(filled, Filter(rating=4)) == {"plain"}
    assert names(filled, Filter(tags=("cover",))) == {"plain"}, "tags are whole"
    assert names(filled, Filter(tags=("cover page", "red"))) == {"paris"}
    assert names(filled, Filter(tags=("cover page", "cover"))) == set()
    assert names(filled, Filter(unused=True)) == set(TOLD) - {"later"}


def test_hidden_pictures(filled: Catalogue) -> None:
    filled.marks.put([key("paris"), key("later")], hidden=True)
    assert matching(filled, Filter()) is None
    assert len(left_out(filled)) == 2
    assert names(filled, Filter(hidden=True)) == {"paris", "later"}
    assert names(filled, Filter(hidden=True, folders=("/b",))) == {"paris"}
    assert names(filled, Filter(rights=("free",))) == {"hangzhou"}


def test_pictures_without_a_usable_file(filled: Catalogue) -> None:
    filled.distrust("/b/paris.jpg", "broken")
    assert names(filled, Filter(taken_to="2019")) == {"zurich"}
    assert names(filled, Filter(folders=("/b",))) == {"plain", "zurich"}
    rows = left_out(filled)
    assert [picture for picture in rows.tolist() if filled.pictures([picture])] == []
    entry = Entry(path="/c/copy.jpg", size=1, mtime_ns=GONE, id=key("paris"), told=TOLD["paris"])
    filled.record([entry])
    assert "paris" in names(filled, Filter(taken_to="2019")), "it has another file now"


@pytest.mark.parametrize("text", ["yesterday", "2019-5", "19", "2019-05-04T12:00"])
def test_a_date_that_is_none(filled: Catalogue, text: str) -> None:
    with pytest.raises(LibraryError, match="is not a date"):
        matching(filled, Filter(taken_from=text))


def test_numbers_keep_their_order(filled: Catalogue) -> None:
    assert numbers(filled.database, "SELECT row AS n FROM pictures ORDER BY row DESC").tolist() == [5, 4, 3, 2, 1]
    assert numbers(filled.database, "SELECT row AS n FROM pictures WHERE 0").tolist() == []
