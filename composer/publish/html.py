"""One HTML file that holds everything: styles, and pictures as data. It asks no server for anything."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

from composer.errors import LibraryError
from composer.library.decoding.quality import UnusablePicture, open_upright
from composer.stages.layout import Node
from composer.types import Language, Picture

LONGEST_SIDE = 1600
JPEG_QUALITY = 85

_STYLE = """
:root { color-scheme: light dark; --ink: #22252a; --paper: #fffdf9; --quiet: #6a6f78; --line: #e4e0d8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e3dc; --paper: #1b1d21; --quiet: #9aa0aa; --line: #34373d; }
}
html { background: var(--paper); color: var(--ink); }
body { max-width: 42rem; margin: 3rem auto 5rem; padding: 0 1.25rem; line-height: 1.65; font-size: 1.125rem;
  font-family: Charter, "Bitstream Charter", Georgia, "Noto Serif", serif; }
:lang(zh) body, body:lang(zh) { font-family: "Noto Serif CJK SC", "Source Han Serif SC", "Songti SC", SimSun, serif; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 1.5rem; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 2.5rem 0 .75rem; }
p { margin: 0 0 1.1rem; }
body:lang(zh) p { text-indent: 2em; }
figure { margin: 2rem 0; }
figure img { display: block; width: 100%; height: auto; max-height: 85vh; object-fit: contain; border-radius: 4px; }
figcaption { margin-top: .6rem; font-size: .9rem; line-height: 1.45; color: var(--quiet);
  border-bottom: 1px solid var(--line); padding-bottom: .6rem; }
figcaption small { display: block; font-size: .8rem; }
"""


def html(nodes: Sequence[Node], language: Language) -> str:
    """The page as one HTML5 document. Raises LibraryError when a picture's file is gone or broken."""
    title = next((node.text for node in nodes if node.kind == "title"), "")
    body = "\n".join(_one(node) for node in nodes)
    code = "zh-Hans" if language == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{code}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<article>\n{body}\n</article>\n"
        "</body>\n</html>\n"
    )


def _one(node: Node) -> str:
    text = escape(" ".join(node.text.split()))
    match node.kind:
        case "title":
            return f"<h1>{text}</h1>"
        case "heading":
            return f"<h2>{text}</h2>"
        case "paragraph":
            return f"<p>{text}</p>"
        case "figure":
            assert node.picture is not None  # noqa: S101 - figures carry one by construction
            data, (width, height) = _data(node.picture)
            credit = f"<small>{escape(node.credit)}</small>" if node.credit else ""
            return (
                f'<figure>\n<img src="{data}" width="{width}" height="{height}" alt="{escape(node.alt)}">\n'
                f"<figcaption>{text}{credit}</figcaption>\n</figure>"
            )


def _data(picture: Picture) -> tuple[str, tuple[int, int]]:
    """The picture as a data address, upright, at most 1,600 px a side, and its size."""
    try:
        image = open_upright(picture.path, LONGEST_SIDE)
    except (OSError, UnusablePicture) as error:
        raise LibraryError(
            f"{picture.path} can no longer be read ({error}).", "Bring the file back, or choose another picture."
        ) from error
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii"), image.size
