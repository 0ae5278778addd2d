"""The nouns of the picture library as window, terminal and engine share them: light, frozen, and the same on the wire.

What is asked (Query), what is found (Hit), all that is known of one picture (Details), and the state of the whole.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from composer.types import Picture

Orientation = Literal["landscape", "portrait", "square"]
Kind = Literal["photograph", "drawing", "text"]
Order = Literal["best", "newest", "oldest", "name", "rating", "largest"]
Rights = Literal["free", "licensed", "unknown"]
"""Free: public domain, CC0 or a Creative Commons licence that lets a magazine print it; licensed: any other terms that
are told; unknown: none are."""


class Filter(Struct, frozen=True, kw_only=True):
    """What a picture must be. Empty and None: anything."""

    folders: tuple[str, ...] = ()
    """Absolute; what lies below them."""
    orientation: Orientation | None = None
    """Square: sides that differ by less than a tenth."""
    kind: Kind | None = None
    taken_from: str = ""
    """ISO 8601, as exact as wished: 2019, 2019-05, 2019-05-04."""
    taken_to: str = ""
    """Included: "2019" ends with that year's last day."""
    place: str = ""
    """Words that the place has."""
    person: str = ""
    """Words that the names of people have."""
    people: bool | None = None
    """With or without people: named in a picture's words, or with a face, where faces were looked for."""
    rights: tuple[Rights, ...] = ()
    licence: str = ""
    """Words that the licence has."""
    colour: str = ""
    """Name of a main colour."""
    tags: tuple[str, ...] = ()
    """All of them."""
    rating: int = 0
    """At least so many stars."""
    width: int = 0
    """At least so many pixels."""
    unused: bool = False
    """Not used in any article yet."""
    hidden: bool = False
    """Show what the writer hid, and only that."""
    screens: bool = False
    """Leave out what the screens hold to be blurred, marked all over or mostly text, or unsafe, where that was looked
    for."""
    copies: bool = False
    """Show every near-duplicate, not only the best of each group."""


class Query(Struct, frozen=True, kw_only=True):
    """What is looked for. Without words and examples it lists everything that the filter lets through."""

    text: str = ""
    like: tuple[str, ...] = ()
    """Ids of pictures that it should resemble; with `text`: like these, but as the text says."""
    unlike: tuple[str, ...] = ()
    """Ids of pictures that it should not resemble."""
    example: str = ""
    """Path of a picture file, in the library or not, that it should resemble."""
    filter: Filter = Filter()
    order: Order = "best"


class Hit(Struct, frozen=True, kw_only=True):
    """A picture found, with every score it was given. None: not scored that way."""

    picture: Picture
    vector: float | None = None
    """Cosine similarity, -1 to 1."""
    words: float | None = None
    """How well its words match, 0 to 1."""
    score: float = 0.0
    """All joined; the order of the answer when the best come first."""
    copies: int = 0
    """Near-duplicates of it that are not shown."""
    rating: int = 0
    hidden: bool = False
    tags: tuple[str, ...] = ()
    rights: Rights = "unknown"


class Used(Struct, frozen=True):
    """An article that a picture was used in."""

    article: str
    title: str
    day: str


class Credential(Struct, frozen=True, kw_only=True):
    """Content credentials (C2PA) in a file."""

    valid: bool
    """The file is as it was signed. Says nothing of whether the signer is to be trusted."""
    signer: str = ""
    tool: str = ""
    made: str = ""
    """ISO 8601."""
    generated: bool = False
    """It says that a machine made the picture."""
    actions: tuple[str, ...] = ()
    problem: str = ""


class Screens(Struct, frozen=True, kw_only=True):
    """What was seen in a picture without understanding it. None: not looked at, or cannot be told on this machine."""

    kind: str = ""
    """Kind, or empty."""
    sharpness: float | None = None
    """0 blurred to 1 sharp."""
    writing: float | None = None
    """Share of the picture that is writing, 0 to 1."""
    mark: float | None = None
    """How much looks like a watermark, 0 to 1."""
    unsafe: float | None = None
    """0 harmless to 1 not fit to be shown at work; told only where it was looked for, as are faces."""
    faces: int | None = None
    colours: tuple[str, ...] = ()


class Details(Struct, frozen=True, kw_only=True):
    """Everything that is known of one picture."""

    picture: Picture
    paths: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    said: str = ""
    """Text read in the picture."""
    rating: int = 0
    hidden: bool = False
    tags: tuple[str, ...] = ()
    rights: Rights = "unknown"
    warning: str = ""
    """What to mind before printing it, in one sentence."""
    uses: tuple[Used, ...] = ()
    copies: tuple[Picture, ...] = ()
    """Its near-duplicates, the best first."""
    screens: Screens = Screens()
    credential: Credential | None = None
    sidecar: str = ""
    """Path of the XMP file that edits of it go to."""


class Edit(Struct, frozen=True, kw_only=True):
    """Words of a picture that the writer changes; None leaves one as it is. Originals are never rewritten."""

    caption: str | None = None
    title: str | None = None
    keywords: tuple[str, ...] | None = None
    people: tuple[str, ...] | None = None
    place: str | None = None
    creator: str | None = None
    credit: str | None = None
    copyright: str | None = None
    licence: str | None = None


class LibraryFolder(Struct, frozen=True, kw_only=True):
    """A folder of the library."""

    path: str
    include: str = ""
    """Patterns as in gitignore files, one a line; empty: everything."""
    exclude: str = ""
    watched: bool = False
    pictures: int = 0
    skipped: int = 0
    there: bool = True
    """False while it cannot be reached: a drive that is not plugged in."""


class LibraryState(Struct, frozen=True, kw_only=True):
    """The library as a whole."""

    folders: tuple[LibraryFolder, ...] = ()
    pictures: int = 0
    files: int = 0
    skipped: int = 0
    bytes: int = 0
    without_vectors: int = 0
    """Pictures that the encoder in use has not looked at yet."""
    paused: bool = False
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Part of the time that work in the background may take."""
    tags: tuple[str, ...] = ()
    """The most frequent first."""
    index: str = ""
    """Where pictures are searched by vector, as the settings have it; empty: on this machine."""
    read_texts: bool = False
    """Whether the writing in pictures is read."""
    screen_content: bool = False
    """Whether faces and unsafe pictures are looked for."""
    problems: tuple[str, ...] = ()
    """What is wrong with it, a sentence each, such as that its index could not be rebuilt."""
