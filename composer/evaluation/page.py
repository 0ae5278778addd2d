"""Parts of the pages that figures are read on: one HTML file that asks for nothing, light or dark.

What comes from outside (names of articles, models, sentences) is handed in as text and escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from msgspec import Struct

_LIGHT = (
    "--ink: #1f2328; --paper: #ffffff; --quiet: #59616b; --line: #dfe3e8; --soft: #f5f6f8; --own: #1f5fbf; "
    "--other: #737b86; --second: #b3540e; --third: #2c7a4b; --good: #1b6b3a; --bad: #a8321f;"
)
_DARK = (
    "--ink: #e4e6ea; --paper: #17191c; --quiet: #a0a8b2; --line: #363b42; --soft: #202327; --own: #7db0ff; "
    "--other: #98a1ac; --second: #f0a060; --third: #76cf98; --good: #7fd3a0; --bad: #ff9b88;"
)

_STYLE = f"""
:root {{ color-scheme: light dark; {_LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}
html {{ background: var(--paper); color: var(--ink); }}
body {{ max-width: 68rem; margin: 2.5rem auto 4rem; padding: 0 1.25rem; line-height: 1.5; font-size: 1rem;
  font-family: system-ui, "Noto Sans", "Helvetica Neue", Arial, "Noto Sans CJK SC", sans-serif; }}
h1 {{ font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }}
h2 {{ font-size: 1.25rem; margin: 2.75rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--line); }}
h3 {{ font-size: 1rem; margin: 1.5rem 0 .4rem; }}
p {{ margin: 0 0 .75rem; max-width: 46rem; }}
a {{ color: inherit; text-decoration-color: var(--line); text-underline-offset: .2em; }}
a:hover, a:focus {{ text-decoration-color: currentColor; }}
.quiet, figcaption, caption {{ color: var(--quiet); font-size: .875rem; }}
.limits {{ background: var(--soft); border-left: 4px solid var(--second); padding: .75rem 1rem; margin: 1.25rem 0;
  max-width: 46rem; }}
.limits h2 {{ border: 0; margin: 0 0 .25rem; padding: 0; font-size: 1rem; }}
.limits ul {{ margin: 0; padding-left: 1.1rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; margin: .5rem 0 1rem; }}
caption {{ text-align: left; padding-bottom: .4rem; }}
th, td {{ text-align: right; vertical-align: top; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid var(--line); }}
th:first-child, td.words {{ text-align: left; font-weight: 400; }}
th:first-child {{ min-width: 9rem; }}
td b {{ white-space: nowrap; }}
thead th, thead th:first-child {{ font-weight: 600; vertical-align: bottom; }}
th.part {{ font-weight: 600; padding-top: 1rem; color: var(--quiet); }}
td small {{ display: block; font-weight: 400; color: var(--quiet); font-size: .75rem; white-space: nowrap; }}
td.own {{ color: var(--own); }}
td.best b {{ text-decoration: underline; text-underline-offset: .2em; }}
td b {{ font-weight: 600; }}
table.even {{ width: 100%; }}
table.even th:first-child {{ width: 15rem; overflow-wrap: anywhere; }}
caption b {{ color: var(--ink); }}
.better {{ color: var(--good); font-weight: 600; }}
.worse {{ color: var(--bad); font-weight: 600; }}
.plots {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.25rem 2rem; }}
figure {{ margin: 0; }}
figcaption b {{ color: var(--ink); font-size: .9375rem; display: block; }}
svg.plot {{ display: block; width: 100%; height: auto; max-width: 46rem; font-family: inherit; font-size: 13px; }}
svg .grid {{ stroke: var(--line); stroke-width: 1; }}
svg .zero {{ stroke: var(--ink); stroke-width: 1; }}
svg .tick {{ fill: var(--quiet); font-size: 12px; }}
svg .label {{ fill: var(--ink); }}
svg .label.strong {{ font-weight: 600; }}
svg .whisker {{ stroke: var(--other); stroke-width: 2; }}
svg .dot {{ fill: var(--other); }}
svg .whisker.strong, svg .curve.line0, svg .whisker.line0 {{ stroke: var(--own); }}
svg .dot.strong, svg .dot.line0, svg .label.line0 {{ fill: var(--own); }}
svg .curve {{ fill: none; stroke-width: 2; }}
svg .curve.line1, svg .whisker.line1 {{ stroke: var(--second); }}
svg .curve.line1 {{ stroke-dasharray: 7 4; }}
svg .dot.line1, svg .label.line1 {{ fill: var(--second); }}
svg .curve.line2, svg .whisker.line2 {{ stroke: var(--third); }}
svg .curve.line2 {{ stroke-dasharray: 2 4; }}
svg .dot.line2, svg .label.line2 {{ fill: var(--third); }}
dt {{ font-weight: 600; margin-top: .75rem; }}
dd {{ margin: 0; max-width: 46rem; }}
dl :target, dt:target {{ background: var(--soft); }}
summary {{ cursor: pointer; margin: 1rem 0 .25rem; }}
@media print {{
  body {{ max-width: none; margin: 0; padding: 0; font-size: 9.5pt; }}
  h2, h3, summary {{ break-after: avoid; }}
  tr, figure, .limits, table.even {{ break-inside: avoid; }}
  tr:has(.part), caption {{ break-after: avoid; }}
  th, td {{ padding-right: .4rem; }}
  thead {{ display: table-header-group; }}
  .wide {{ overflow: visible; }}
  .plots {{ grid-template-columns: 1fr 1fr; }}
  a {{ text-decoration: none; }}
  details::details-content {{ content-visibility: visible; display: block; height: auto; }}
  * {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
}}
"""


class Cell(Struct, frozen=True):
    """A cell of a table: its words, smaller ones below, and what it is (classes)."""

    text: str
    below: str = ""
    kind: str = ""


def document(title: str, body: str) -> str:
    """The whole page. It is well-formed XML as well, so that any parser reads it."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def text(words: str) -> str:
    """Escaped for a page; characters that no page may hold are left out."""
    return escape("".join(each for each in words if each >= " " or each in "\t\n"))


def chapter(title: str, *parts: str) -> str:
    return f"<h2>{text(title)}</h2>\n" + "\n".join(parts)


def paragraph(words: str, kind: str = "") -> str:
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def limits(title: str, sentences: Sequence[str]) -> str:
    """What must be read before the figures."""
    if not sentences:
        return ""
    items = "".join(f"<li>{text(sentence)}</li>" for sentence in sentences)
    return f'<section class="limits"><h2>{text(title)}</h2><ul>{items}</ul></section>'


def row(head: str, cells: Iterable[Cell], link: str = "") -> str:
    """A row of a table; `link` is the id that its head leads to."""
    name = f'<a href="#{escape(link)}">{text(head)}</a>' if link else text(head)
    return f'<tr><th scope="row">{name}</th>{"".join(map(_cell, cells))}</tr>'


def part(title: str, columns: int) -> str:
    """A row that names the rows below it."""
    return f'<tr><th class="part" colspan="{columns}">{text(title)}</th></tr>'


def table(caption: str, heads: Sequence[str], rows: Iterable[str], *, title: str = "", even: bool = False) -> str:
    """`even`: as wide as the page, so that tables below each other have their columns below each other."""
    columns = "".join(f'<th scope="col">{text(head)}</th>' for head in heads)
    strong = f"<b>{text(title)}</b> " if title else ""
    named = f"<caption>{strong}{text(caption)}</caption>" if caption or title else ""
    kind = ' class="even"' if even else ""
    return (
        f'<div class="wide"><table{kind}>{named}<thead><tr>{columns}</tr></thead>\n<tbody>\n'
        + "\n".join(rows)
        + "\n</tbody></table></div>"
    )


def figure(title: str, caption: str, plot: str, link: str = "") -> str:
    name = f'<a href="#{escape(link)}">{text(title)}</a>' if link else text(title)
    return f"<figure><figcaption><b>{name}</b>{text(caption)}</figcaption>{plot}</figure>"


def folded(title: str, body: str) -> str:
    """Closed on the screen until it is asked for, open on paper."""
    return f"<details><summary>{text(title)}</summary>\n{body}\n</details>"


def definitions(entries: Iterable[tuple[str, str, str]]) -> str:
    """Id, term and meaning of each."""
    items = "".join(
        f'<dt id="{escape(name)}">{text(term)}</dt><dd>{text(meaning)}</dd>' for name, term, meaning in entries
    )
    return f"<dl>{items}</dl>"


def _cell(cell: Cell) -> str:
    kind = f' class="{cell.kind}"' if cell.kind else ""
    below = f"<small>{text(cell.below)}</small>" if cell.below else ""
    return f"<td{kind}><b>{text(cell.text)}</b>{below}</td>" if cell.below else f"<td{kind}>{text(cell.text)}</td>"
