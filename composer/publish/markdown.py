"""Markdown with the pictures copied beside it (CommonMark; captions as emphasis below the picture)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from composer.stages.layout import Node

_SPECIAL = re.compile(r"([\\`*_\[\]<>]|&(?=#?\w+;))")
_BLOCK_START = re.compile(r"^(\d*)(#{1,6}(?=\s|$)|[-+](?=\s|$)|-(?=[-\s]*$)|(?<=\d)[.)](?=\s|$)|~~~)")
"""What begins a heading, a list, a rule or code, after the digits of a numbered list: only punctuation is escaped."""
_HEADING_END = re.compile(r"(?<=\s)(#+)$")
"""Markdown takes these for the end of the heading, not for its text."""


def markdown(nodes: Sequence[Node], files: Mapping[str, str]) -> str:
    """The page as Markdown. `files` gives each picture's id the path it lies at, relative to the page."""
    return "\n\n".join(_one(node, files) for node in nodes) + "\n"


def _one(node: Node, files: Mapping[str, str]) -> str:
    match node.kind:
        case "title":
            return f"# {_heading(node.text)}"
        case "heading":
            return f"## {_heading(node.text)}"
        case "paragraph":
            return _text(node.text)
        case "figure":
            assert node.picture is not None  # noqa: S101 - figures carry one by construction
            below = [f"*{_text(node.text)}*"] if node.text.strip() else []
            below += [_text(node.credit)] if node.credit.strip() else []
            return f"![{_text(node.alt)}]({quote(files[node.picture.id])})\n{' · '.join(below)}".rstrip("\n")


def _heading(text: str) -> str:
    return _HEADING_END.sub(r"\\\1", _text(text))


def _text(text: str) -> str:
    """Plain text that Markdown shows as it is."""
    text = " ".join(text.split())
    text = _SPECIAL.sub(r"\\\1", text)
    return _BLOCK_START.sub(lambda match: f"{match[1]}\\{match[2]}", text)
