"""Arrays of all pictures: they follow what changes in the catalogue, and a file of them is taken only if it fits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from composer.collection import Filter
from composer.library import columns as module
from composer.library.catalogue import Catalogue, Entry
from composer.library.columns import HERE, HIDDEN, Columns
from composer.library.finding.filters import matching
from composer.library.finding.listing import listing
from composer.library.finding.search import by_words
from composer.library.words.metadata import Words


def entry(number: int, folder: str = "/p", **told: str) -> Entry:
    return Entry(
        path=f"{folder}/{number:03}.jpg", size=1, mtime_ns=1, id=f"{number:032x}", width=100 + number, height=100,
        told=Words(**told), look=bytes(192), preview="x",
    )  # fmt: skip


def state(columns: Columns) -> dict[str, Sequence[object]]:
    """Everything that is told of every row that is there."""
    with columns.reading():
        rows = np.flatnonzero(columns["flags"] & HERE)
        told: dict[str, Sequence[object]] = {name: columns[name][rows].tolist() for name in module._NUMBERS}
        for name in module.TEXTS:
            texts = columns.texts(name)
            assert texts is not None
            told[name] = [texts[number] for number in columns[name][rows].tolist()]
        members, groups = columns.groups.ordered()
        told["members"], told["groups"] = members.tolist(), np.diff(groups).tolist()
        told["rows"], told["named"] = rows.tolist(), columns.places.named().tolist()
        told["files"] = columns.places.count()
        told["below"] = columns.places.below(["/p"]).tolist()
    return told


@pytest.fixture
def filled(catalogue: Catalogue) -> Catalogue:
    folders = ("/q", "/p")
    catalogue.record(entry(n, folders[n % 2], taken=f"20{n % 20:02}", place=f"Town {n % 3}") for n in range(40))
    return catalogue


CHANGES: dict[str, Callable[[Catalogue], object]] = {
    "more pictures": lambda those: those.record(entry(n, "/p", taken="2001-02") for n in range(40, 1500)),
    "a star": lambda those: those.marks.put([f"{7:032x}"], rating=4),
    "hidden": lambda those: those.marks.put([f"{8:032x}"], hidden=True),
    "other words": lambda those: those.retell(5, [Words(place="Elsewhere", taken="1999-01-02", licence="CC0")]),
    "another picture at a path": lambda those: those.record(
        [Entry(path="/p/001.jpg", size=2, mtime_ns=2, id="f" * 32, width=9, height=9, look=bytes(192))]
    ),
    "a copy elsewhere": lambda those: those.record(
        [Entry(path="/a/first.jpg", size=1, mtime_ns=1, id=f"{9:032x}", told=Words())]
    ),
    "a file that goes": lambda those: (those.forget("/q", ["002.jpg"]), those.drop_orphans()),
    "a folder that goes": lambda those: (those.forget_places(["/q"]), those.drop_orphans()),
    "a file of no use": lambda those: those.distrust("/p/003.jpg", "broken"),
    "groups": lambda those: those.settle([(3, "a"), (4, "a"), (9, "b"), (8, "b"), (7, "b")]),
    "groups that end": lambda those: (those.settle([(3, "a"), (4, "a")]), those.settle([(3, ""), (4, "")])),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_is_followed(filled: Catalogue, change: str) -> None:
    before = state(filled.columns)
    CHANGES[change](filled)
    after = state(filled.columns)
    assert after == state(Columns(filled.database)), "the same as read anew"
    assert (after != before) == (change != "groups that end")


def test_another_process_is_followed(filled: Catalogue) -> None:
    state(filled.columns)
    with Catalogue(filled.file, filled.previews) as other:
        other.marks.put([f"{7:032x}"], rating=4, hidden=True)
        other.record([entry(99, "/r")])
    with filled.columns.reading() as columns:
        assert columns["rating"][8] == 4
        assert columns["flags"][8] & HIDDEN
    assert 41 in filled.rows([]).tolist()
    assert 8 not in filled.rows([]).tolist()


def test_a_star_makes_no_order_anew(filled: Catalogue) -> None:
    before = listing(filled, None, "newest")
    kept = filled.columns.orders["newest"]
    filled.marks.put([f"{7:032x}"], rating=4)
    assert listing(filled, None, "rating").tolist()[0] == 8
    assert filled.columns.orders["newest"] is kept
    filled.retell(5, [Words(taken="2030")])
    after = listing(filled, None, "newest")
    assert after.tolist()[0] == 5
    assert sorted(after.tolist()) == sorted(before.tolist())


def test_numbers_of_terms_are_forgotten_when_words_change(filled: Catalogue) -> None:
    filled.retell(5, [Words(caption="old mill", words="old mill")])
    assert [row for row, _ in by_words(filled, "mill", (), 9)] == [5]
    assert filled.columns.occurrences == {'"mill"': 1}
    filled.marks.put([f"{7:032x}"], rating=4)
    filled.rows([])
    assert filled.columns.occurrences, "a star changes no word"
    filled.retell(5, [Words(caption="old barn", words="old barn")])
    assert by_words(filled, "mill", (), 9) == []


def test_a_file_of_them_is_taken_over_and_brought_up_to_date(filled: Catalogue) -> None:
    filled.settle([(3, "a"), (4, "a")])
    whole = state(filled.columns)
    filled.columns.save()
    later = Columns(filled.database)
    assert state(later) == whole
    filled.marks.put([f"{7:032x}"], rating=4)
    filled.record([entry(77, "/q", place="Town 9")])
    assert state(Columns(filled.database)) == state(filled.columns)
    assert later.file.is_file()


def test_a_file_that_does_not_fit_is_passed_over(filled: Catalogue, tmp_path: Path) -> None:
    whole = state(filled.columns)
    filled.columns.save()
    file = filled.columns.file
    good = file.read_bytes()
    for bad in (b"", b"no", good[: len(good) // 2], good.replace(b'"format":', b'"formal":')):
        file.write_bytes(bad)
        assert state(Columns(filled.database)) == whole
    file.write_bytes(good)
    with Catalogue(tmp_path / "other.db", tmp_path) as other:
        (tmp_path / "other.columns").write_bytes(good)
        assert other.rows([]).tolist() == [], "another catalogue's"


def test_large_ones_are_kept(filled: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not filled.columns.file.exists()
    monkeypatch.setattr(module, "KEPT", 10)
    filled.record(entry(n) for n in range(100, 4000))
    filled.rows([])
    assert filled.columns.file.exists()


def test_more_texts_than_can_be_told_apart(filled: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    few = [matching(filled, Filter(place=words)) for words in ("town", "town 1", "nowhere")]
    monkeypatch.setattr(module, "MOST_TEXTS", 2)
    filled.columns = Columns(filled.database)
    many = [matching(filled, Filter(place=words)) for words in ("town", "town 1", "nowhere")]
    for one, two in zip(few, many, strict=True):
        assert one is not None
        assert two is not None
        assert one.tolist() == two.tolist()
    assert len(many[1] if many[1] is not None else ()) == 13


def test_a_failure_on_the_way_is_no_half_truth(filled: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = state(filled.columns)
    filled.record(entry(n) for n in range(100, 1200))

    def fail(_: object) -> None:
        raise sqlite3.OperationalError("cut")

    with monkeypatch.context() as patched:
        patched.setattr(filled.columns.places, "follow", fail)
        with pytest.raises(sqlite3.OperationalError):
            filled.rows([])
    assert len(filled.rows([])) == len(whole["rows"]) + 1100


def test_orders_are_those_of_a_plain_sort(catalogue: Catalogue) -> None:
    random = np.random.default_rng(3)
    days = ["", "2019", "2019-05", "2019-05-04", "2020-01-01"]
    sizes = random.integers(1, 9, (300, 2)) * 100
    catalogue.record(
        Entry(path=f"/{int(random.integers(0, 5))}/{random.integers(0, 1 << 60):x}.jpg", size=1, mtime_ns=1,
              id=f"{n:032x}", width=int(sizes[n, 0]), height=int(sizes[n, 1]), look=bytes(192), preview="x",
              told=Words(taken=days[n % 5]), rating=int(random.integers(0, 6)) if n % 4 == 0 else 0)
        for n in range(300)
    )  # fmt: skip
    catalogue.settle((n, f"g{n % 40}") for n in range(1, 120))
    some = np.flatnonzero(random.random(301) < 0.5)[1:]
    newest = "taken DESC, row DESC"
    plain = {
        "newest": newest,
        "oldest": "taken = '', taken, CASE WHEN taken = '' THEN -row ELSE row END",
        "largest": f"width * height DESC, {newest}",
        "rating": f"coalesce(rating, 0) DESC, {newest}",
        "name": "path, name",
    }
    tables = "pictures LEFT JOIN marks USING (id) JOIN files ON picture = row JOIN directories ON number = directory"
    for order, by in plain.items():
        expected = [row for (row,) in catalogue.database.all(f"SELECT row FROM {tables} ORDER BY {by}")]  # noqa: S608
        assert listing(catalogue, None, order).tolist() == expected, order  # pyright: ignore[reportArgumentType]
        kept = set(some.tolist())
        few = listing(catalogue, some, order)  # pyright: ignore[reportArgumentType]
        assert few.tolist() == [row for row in expected if row in kept], order
    best: dict[int, int] = {}
    order = "width * height DESC, length DESC, row"
    for (row,) in catalogue.database.all(f"SELECT row FROM pictures WHERE grp <> '' ORDER BY {order}"):  # noqa: S608
        if row in set(some.tolist()):
            best.setdefault(row % 40, row)
    grouped = {row for row in some.tolist() if row < 120}
    shown = set(listing(catalogue, some, "newest", best=True).tolist())
    assert set(some.tolist()) - shown == grouped - set(best.values())
