from __future__ import annotations

from datetime import date

from composer.library.catalogue import Catalogue
from composer.library.marks import Marked, Use


def test_marks_are_set_apart_from_each_other(catalogue: Catalogue) -> None:
    marks = catalogue.marks
    marks.put(["a", "b"], rating=4)
    marks.put(["a"], tags=["old mills", "water", "water"])
    marks.put(["b"], hidden=True)
    assert marks.of(["a", "b", "c"]) == {
        "a": Marked(rating=4, tags=("old mills", "water")),
        "b": Marked(rating=4, hidden=True),
    }
    marks.put(["a"], rating=9, tags=[])
    assert marks.of(["a"]) == {"a": Marked(rating=5)}


def test_tags_are_counted(catalogue: Catalogue) -> None:
    catalogue.marks.put(["a", "b"], tags=["水", "mill"])
    catalogue.marks.put(["c"], tags=["mill"])
    assert catalogue.marks.tags() == [("mill", 3), ("水", 2)]


def test_an_article_uses_what_it_was_last_said_to_use(catalogue: Catalogue) -> None:
    marks = catalogue.marks
    marks.use("/one.pictorial", "One", ["a", "b", "a"], date(2026, 1, 2))
    marks.use("/two.pictorial", "Two", ["a"], date(2026, 3, 4))
    marks.use("/one.pictorial", "One, renamed", ["a", "c"], date(2026, 5, 6))
    first = Use("/one.pictorial", "One, renamed", "2026-01-02")
    assert marks.uses(["a", "b"]) == {"a": (Use("/two.pictorial", "Two", "2026-03-04"), first)}
    assert marks.uses(["c"]) == {"c": (Use("/one.pictorial", "One, renamed", "2026-05-06"),)}
