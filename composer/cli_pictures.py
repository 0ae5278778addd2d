"""The verbs for the library's pictures: finding, showing, marking and describing them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import typer
from msgspec import UNSET
from rich.console import Console
from rich.table import Table

from composer.cli_common import AsJson, adapters_of, opened, print_json, say
from composer.collection import Details, Edit, Filter, Hit, Kind, Order, Orientation, Query, Rights
from composer.errors import LibraryError
from composer.library.catalogue import Catalogue, absolute
from composer.library.finding.details import describe
from composer.library.finding.query import aim, find, hits, is_ranked
from composer.library.marks import Marked
from composer.library.words.sidecars import edit_picture

_ID = re.compile("[0-9a-f]{32}")

Ids = Annotated[list[str], typer.Argument(help="Pictures: paths, or ids that `library find --json` shows.")]
One = Annotated[str, typer.Argument(help="A picture: its path, or its id.")]


def find_verb(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="What the picture should show; nothing lists all.")] = "",
    like: Annotated[list[str] | None, typer.Option(help="Like this picture: a path, or an id.")] = None,
    unlike: Annotated[list[str] | None, typer.Option(help="Not like this picture of the library.")] = None,
    folder: Annotated[list[Path] | None, typer.Option(help="Only in this folder.")] = None,
    orientation: Annotated[str | None, typer.Option(help="landscape, portrait or square.")] = None,
    kind: Annotated[str | None, typer.Option(help="photograph, drawing or text.")] = None,
    taken_from: Annotated[str, typer.Option("--from", help="Taken from: 2019, 2019-05 or 2019-05-04.")] = "",
    taken_to: Annotated[str, typer.Option("--to", help="Taken up to, that time included.")] = "",
    place: Annotated[str, typer.Option(help="Words of the place.")] = "",
    person: Annotated[str, typer.Option(help="Words of a person's name.")] = "",
    people: Annotated[
        bool | None, typer.Option("--people/--no-people", help="Naming people or showing faces, or neither.")
    ] = None,
    rights: Annotated[list[str] | None, typer.Option(help="free, licensed or unknown.")] = None,
    licence: Annotated[str, typer.Option(help="Words of the licence.")] = "",
    colour: Annotated[str, typer.Option(help="A main colour, by its English name.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="With this tag of yours.")] = None,
    rating: Annotated[int, typer.Option(min=0, max=5, help="At least so many stars.")] = 0,
    width: Annotated[int, typer.Option(min=0, help="At least so many pixels wide.")] = 0,
    unused: Annotated[bool, typer.Option("--unused", help="Not used in any article yet.")] = False,
    hidden: Annotated[bool, typer.Option("--hidden", help="Those that you hid, and only those.")] = False,
    screens: Annotated[
        bool, typer.Option("--screens", help="Without blurred or marked ones, text, and what was found unsafe.")
    ] = False,
    copies: Annotated[bool, typer.Option("--copies", help="Every near-duplicate, not the best of each group.")] = False,
    sort: Annotated[str, typer.Option(help="best, newest, oldest, name, rating or largest.")] = "best",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 12,
    words_only: Annotated[bool, typer.Option("--words-only", help="Do not load the encoder.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find pictures by what they show and say, by examples, and by what is known of them."""
    wanted = Filter(
        folders=tuple(str(each.absolute()) for each in folder or ()),
        orientation=_one(orientation, Orientation), kind=_one(kind, Kind), taken_from=taken_from, taken_to=taken_to,
        place=place, person=person, people=people, rights=tuple(_one(each, Rights) for each in rights or ()),
        licence=licence, colour=colour, tags=tuple(tag or ()), rating=rating, width=width, unused=unused, hidden=hidden,
        screens=screens, copies=copies,
    )  # fmt: skip
    with opened(context) as workshop:
        catalogue, cancel = workshop.catalogue(), adapters_of(context).cancel
        ids, example = _examples(catalogue, like or ())
        query = Query(
            text=text, like=ids, unlike=tuple(id_of(catalogue, each) for each in unlike or ()), example=example,
            filter=wanted, order=_one(sort, Order),
        )  # fmt: skip
        aimed = aim(catalogue, workshop.tools, query, cancel) if is_ranked(query) and not words_only else None
        found = find(catalogue, query, cancel, aimed)
        shown = hits(catalogue, found, 0, limit)
    if found.notice:
        say(found.notice)
    if as_json:
        print_json([_figures(hit) for hit in shown])
    else:
        _print_found(shown)
        say(f"{len(shown)} of {len(found.rows)} pictures.")


def _one(value: str | None, kind: Any) -> Any:  # noqa: ANN401 - a Literal is no type to the checker
    known = get_args(kind)
    if value is not None and value not in known:
        raise typer.BadParameter(f"{value} is not one of {', '.join(known)}.")
    return value


def _examples(catalogue: Catalogue, like: list[str] | tuple[()]) -> tuple[tuple[str, ...], str]:
    """Ids of those that are in the library, and the one file that is not."""
    ids: list[str] = []
    example = ""
    for each in like:
        known = _known(catalogue, each)
        if known:
            ids.append(known)
        elif example:
            raise typer.BadParameter("Only one --like may be a file that is not in the library.")
        else:
            example = absolute(each)
    return tuple(ids), example


def id_of(catalogue: Catalogue, picture: str) -> str:
    """The id of a picture that is given by its id or path. Raises LibraryError when it is not in the library."""
    known = _known(catalogue, picture)
    if not known:
        raise LibraryError(
            f"{picture} is not a picture of the library.", "Give its path, or its id; see `library find`."
        )
    return known


def _known(catalogue: Catalogue, picture: str) -> str:
    if _ID.fullmatch(picture) and catalogue.row_of(picture) is not None:
        return picture
    path = Path(absolute(picture))
    sql = (
        "SELECT id FROM files JOIN directories ON number = directory JOIN pictures ON row = picture"
        " WHERE path = ? AND name = ?"
    )
    found = catalogue.database.all(sql, [str(path.parent), path.name])
    return found[0][0] if found else ""


def _figures(hit: Hit) -> dict[str, Any]:
    picture = hit.picture
    return {
        "id": picture.id, "path": picture.path, "caption": picture.caption, "words": hit.words, "vector": hit.vector,
        "score": hit.score, "licence": picture.licence, "rights": hit.rights, "copies": hit.copies,
        "rating": hit.rating, "tags": hit.tags,
    }  # fmt: skip


def _print_found(found: tuple[Hit, ...]) -> None:
    table = Table("score", "words", "vector", "caption", "path", box=None)
    for hit in found:
        scores = (hit.score, hit.words, hit.vector)
        shown = [f"{score:.2f}" if score is not None else "" for score in scores]
        table.add_row(*shown, hit.picture.caption, hit.picture.path)
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200).print(table)


def show_verb(context: typer.Context, picture: One, as_json: AsJson = False) -> None:
    """Everything that is known of a picture: words, rights, marks, articles, copies, what was seen in it."""
    with opened(context) as workshop:
        details = describe(workshop.catalogue(), id_of(workshop.catalogue(), picture))
    if as_json:
        print_json(msgspec.to_builtins(details))
    else:
        _print_details(details)


def _print_details(details: Details) -> None:
    picture, seen = details.picture, details.screens
    lines: list[tuple[str, object]] = [
        *(("lies at", path) for path in details.paths), ("id", picture.id),
        ("pixels", f"{picture.width} x {picture.height}"), ("caption", picture.caption), ("title", picture.title),
        ("keywords", "; ".join(details.keywords)), ("people", picture.people), ("place", picture.place),
        ("taken", picture.taken), ("creator", picture.creator), ("credit", picture.credit),
        ("licence", picture.licence), ("copyright", picture.copyright), ("terms", picture.terms),
        ("source", picture.source), ("rights", details.rights), ("mind", details.warning),
        ("rating", details.rating or ""), ("tags", "; ".join(details.tags)),
        ("hidden", "yes" if details.hidden else ""),
        *(("used in", f"{use.title} ({use.day})") for use in details.uses),
        *(("copy", copy.path) for copy in details.copies), ("kind", seen.kind),
        ("faces", "" if seen.faces is None else str(seen.faces)),
        ("unsafe", "" if seen.unsafe is None else f"{seen.unsafe:.0%}"),
        ("colours", " ".join(seen.colours)), ("text in it", details.said), ("words go to", details.sidecar),
    ]  # fmt: skip
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in lines if value))


def mark_verb(
    context: typer.Context,
    pictures: Ids,
    rating: Annotated[int | None, typer.Option(min=0, max=5, help="Stars; 0 takes them off.")] = None,
    hide: Annotated[bool | None, typer.Option("--hide/--show", help="Never offer it, or offer it again.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Add a tag.")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="Take a tag off.")] = None,
) -> None:
    """Rate, hide or tag pictures."""
    with opened(context) as workshop:
        catalogue = workshop.catalogue()
        ids = [id_of(catalogue, each) for each in pictures]
        catalogue.marks.put(ids, rating=UNSET if rating is None else rating, hidden=UNSET if hide is None else hide)
        for id_, mark in ((id_, catalogue.marks.of([id_]).get(id_, Marked())) for id_ in ids if tag or untag):
            tags = [each for each in (*mark.tags, *(tag or ())) if each not in (untag or ())]
            catalogue.marks.put([id_], tags=tags)
    say(f"{len(ids)} marked.")


def edit_verb(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    picture: One,
    caption: Annotated[str | None, typer.Option(help="What it shows.")] = None,
    title: Annotated[str | None, typer.Option()] = None,
    keyword: Annotated[list[str] | None, typer.Option(help="Instead of those it has; once for each.")] = None,
    person: Annotated[list[str] | None, typer.Option(help="Instead of those it names.")] = None,
    place: Annotated[str | None, typer.Option()] = None,
    creator: Annotated[str | None, typer.Option()] = None,
    credit: Annotated[str | None, typer.Option(help="The line to print beside it.")] = None,
    copyright: Annotated[str | None, typer.Option()] = None,  # noqa: A002 - the option's name
    licence: Annotated[str | None, typer.Option()] = None,
) -> None:
    """Change what is said of a picture, in an XMP file beside it; the picture itself is never written to."""
    change = Edit(
        caption=caption, title=title, keywords=tuple(keyword) if keyword else None,
        people=tuple(person) if person else None, place=place, creator=creator, credit=credit, copyright=copyright,
        licence=licence,
    )  # fmt: skip
    if change == Edit():
        raise typer.BadParameter("Say what to change, such as --caption.")
    with opened(context) as workshop:
        catalogue = workshop.catalogue()
        files = edit_picture(catalogue, id_of(catalogue, picture), change)
    sys.stdout.write("".join(f"{file}\n" for file in files))


def tags_verb(context: typer.Context, as_json: AsJson = False) -> None:
    """Your tags and how many pictures have each."""
    with opened(context) as workshop:
        tags = workshop.catalogue().marks.tags()
    if as_json:
        print_json(dict(tags))
    else:
        sys.stdout.write("".join(f"{count:6}  {tag}\n" for tag, count in tags))


PICTURE_VERBS: dict[str, Callable[..., None]] = {
    "find": find_verb, "show": show_verb, "mark": mark_verb, "edit": edit_verb, "tags": tags_verb,
}  # fmt: skip
