"""Articles about the things of the drawn library, and a ground to illustrate them on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from composer.evaluation.nouns import Figure, GoldArticle
from composer.evaluation.pool import Pool
from composer.evaluation.systems.ground import Ground
from composer.library.filling.embed import embed, embed_captions
from composer.library.filling.scan import scan
from composer.ports import Cancel
from composer.types import Article, Block, Language
from tests.composer.fakes import Bench, passage


def gold(*texts: str, headings: Sequence[int] = (), language: Language = "en", after: int = 0) -> GoldArticle:
    """Those texts, a heading in front of the ones at `headings`, and one figure."""
    blocks: list[Block] = []
    section = 0
    for at, text in enumerate(texts):
        if at in headings:
            section += bool(blocks)
            named = Block(id=f"h{section}", kind="heading", text=f"Part {section}", section=section, passage=at)
            blocks.append(named)
        blocks.append(Block(id=f"p{at}", kind="paragraph", text=text, section=section, passage=at))
    return GoldArticle(
        id="quay", repository="one/blog", licence="CC0-1.0", language=language,
        article=Article("On the quay", tuple(blocks)), kinds=("paragraph",) * len(texts),
        figures=(Figure(after=after, image="images/red.png", caption="A red boat"),),
    )  # fmt: skip


def long(*texts: str, words: int = 200) -> list[str]:
    """The texts with so many words after each that the article gets as many pictures."""
    return [f"{text} {passage(words, text)}" for text in texts]


def filled(bench: Bench, library: Path) -> Pool:
    """The library's pictures in the bench's catalogue, with vectors of themselves and of their words."""
    tools, folder = bench.tools(), str(library)
    for _ in scan(tools.catalogue, library, Cancel()):
        pass
    for _ in (*embed(tools.catalogue, [folder], tools.encoder, Cancel()),
              *embed_captions(tools.catalogue, [folder], tools.encoder, Cancel())):  # fmt: skip
        pass
    tools.search.refresh()
    tools.captions.refresh()
    rows = tools.catalogue.rows([folder]).tolist()
    found = tools.catalogue.pictures(rows, [folder])
    return Pool(
        folder=folder, tools=tools, pictures={Path(each.path).stem: each for each in found.values()}, words=True
    )


def ground(pool: Pool) -> Ground:
    return Ground(pool.tools, (pool.folder,))


def name_of(pool: Pool, picture: str | None) -> str:
    """The file's name without its ending, such as "red-boat"; "" for none."""
    return next((name for name, each in pool.pictures.items() if each.id == picture), "")


def ids(pool: Pool, *names: str) -> tuple[str, ...]:
    return tuple(pool.pictures[name].id for name in names)
