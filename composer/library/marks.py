"""What the writer says of pictures (rating, tags, hidden) and the articles that pictures were used in.

Kept by the picture's content, so that it survives when files move, and when a drive is away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import UNSET, Struct, UnsetType

from composer.library.database import LISTED, Database

SEPARATOR = "; "


class Marked(Struct, frozen=True, kw_only=True):
    """The writer's word on one picture."""

    rating: int = 0
    """1 to 5; 0: none given."""
    hidden: bool = False
    """Not to be offered for any article."""
    tags: tuple[str, ...] = ()


class Use(Struct, frozen=True):
    """An article that a picture was used in."""

    article: str
    """Path of its project, or its title where it has none."""
    title: str
    day: str
    """ISO 8601."""


class Marks:
    """Marks and uses by picture id. Every method raises LibraryError as the database does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, ids: Sequence[str]) -> dict[str, Marked]:
        """Marks of those pictures that have any."""
        sql = f"SELECT id, rating, hidden, tags FROM marks WHERE id IN {LISTED}"  # noqa: S608 - a constant
        return {
            id_: Marked(rating=rating, hidden=bool(hidden), tags=split(tags))
            for id_, rating, hidden, tags in self._database.all(sql, [json.dumps(list(ids))])
        }

    def put(
        self,
        ids: Iterable[str],
        *,
        rating: int | UnsetType = UNSET,
        hidden: bool | UnsetType = UNSET,
        tags: Sequence[str] | UnsetType = UNSET,
    ) -> None:
        """Set what is given for all of the pictures; the rest of their marks stays."""
        wanted = list(ids)
        before = self.of(wanted)
        with self._database.writing() as link:
            for id_ in wanted:
                now = before.get(id_, Marked())
                link.execute(
                    "INSERT OR REPLACE INTO marks (id, rating, hidden, tags) VALUES (?, ?, ?, ?)",
                    [
                        id_,
                        min(5, max(0, now.rating if isinstance(rating, UnsetType) else rating)),
                        int(now.hidden if isinstance(hidden, UnsetType) else hidden),
                        SEPARATOR.join(now.tags if isinstance(tags, UnsetType) else dict.fromkeys(tags)),
                    ],
                )

    def tags(self) -> list[tuple[str, int]]:
        """Every tag and how many pictures have it, the most frequent first."""
        counts: dict[str, int] = {}
        for (tags,) in self._database.all("SELECT tags FROM marks WHERE tags <> ''"):
            for tag in split(tags):
                counts[tag] = counts.get(tag, 0) + 1
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))

    def uses(self, ids: Sequence[str]) -> dict[str, tuple[Use, ...]]:
        """The articles that those pictures were used in, the latest first."""
        sql = f"SELECT id, article, title, day FROM uses WHERE id IN {LISTED} ORDER BY day DESC, article"  # noqa: S608
        found: dict[str, list[Use]] = {}
        for id_, article, title, day in self._database.all(sql, [json.dumps(list(ids))]):
            found.setdefault(id_, []).append(Use(article, title, day))
        return {id_: tuple(uses) for id_, uses in found.items()}

    def use(self, article: str, title: str, ids: Iterable[str], day: date | None = None) -> None:
        """Remember which pictures an article uses now; pictures it used before and does not any more are taken off."""
        when = (day or date.today()).isoformat()  # noqa: DTZ011 - the writer's own day
        with self._database.writing() as link:
            known = dict(link.execute("SELECT id, day FROM uses WHERE article = ?", [article]).fetchall())
            link.execute("DELETE FROM uses WHERE article = ?", [article])
            link.executemany(
                "INSERT INTO uses (id, article, title, day) VALUES (?, ?, ?, ?)",
                [(id_, article, title, known.get(id_, when)) for id_ in dict.fromkeys(ids)],
            )


def split(texts: str) -> tuple[str, ...]:
    """The parts of a list as the catalogue keeps it."""
    return tuple(part for part in texts.split(SEPARATOR) if part)
