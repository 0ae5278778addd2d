"""A short illustrated article: what the fake engine writes, and what tests and screenshots show."""

# ruff: noqa: E501, ISC004 - long paragraphs, wrapped

from __future__ import annotations

from pathlib import Path

from PIL import Image

from composer.types import Article, Block, Brief, Candidate, Composition, Outline, Pick, Picture, Section, Slot

TEXTS: dict[str, tuple[str, list[tuple[str, list[str]]]]] = {
    "en": (
        "Stone, Wind and Water: A Walk Through Old Europe",
        [
            (
                "Where the road begins",
                [
                    "Every long walk has a first step that feels like nothing at all. Ours began on a quiet lane between "
                    "two hedges, with the sound of a mill wheel somewhere ahead and a castle drawn in pale grey on the "
                    "hill behind it. The map said four miles; the morning said there was no hurry.",
                    "It is easy to forget that these buildings were machines. A castle was a machine for staying put, "
                    "a windmill a machine for turning weather into bread. Both were made by people who knew their own "
                    "hill better than anyone has known it since, and both still explain that hill to whoever stops to "
                    "look.",
                ],
            ),
            (
                "The keep above the river",
                [
                    "The keep stands where the river bends, so that anyone coming upstream is seen twice. Its walls are "
                    "three metres thick at the foot and taper as they rise, which makes the tower look taller than it "
                    "is. Swallows nest in the arrow slits; the only banners left are the ones that ivy hangs out each "
                    "spring.",
                    "Inside, a stair turns to the right, as most do, to leave the defender's sword arm free. At the top "
                    "the wind takes over, and with it the view: fields in long strips, a church with a crooked spire, "
                    "and three white sails turning on the far ridge.",
                ],
            ),
            (
                "Sails on the ridge",
                [
                    "A mill at work is louder than it looks. The sails pass with a sigh, the timbers answer, and under "
                    "everything runs the low voice of the stones. The miller we met had come to the trade late, after "
                    "thirty years of repairing clocks, and spoke of both in the same breath: keep it level, keep it "
                    "dry, listen.",
                    "He let us carry a sack up the ladder, which is the quickest way to respect flour. By noon the "
                    "wind had dropped and the sails stood in the shape of a cross, which on this ridge has meant, for "
                    "four hundred years, that the miller has gone home to eat.",
                ],
            ),
        ],
    ),
    "zh": (
        "石与风：老欧洲漫步",
        [
            (
                "路的起点",
                [
                    "每一次长途步行，第一步总是轻得像什么都没有发生。我们的路从两排树篱之间的小径开始，前面不远处传来水车的声音，"
                    "身后的山坡上，一座城堡在晨雾里只剩下淡灰色的轮廓。地图上写着四英里，清晨却说：不必着急。",
                    "人们容易忘记，这些建筑其实都是机器。城堡是一台让人站稳脚跟的机器，风车是一台把天气变成面包的机器。"
                    "造它们的人比后来的任何人都更了解脚下的山。",
                ],
            ),
            (
                "河湾上的主楼",
                [
                    "主楼立在河道转弯的地方，逆流而上的人会被看见两次。墙脚厚达三米，越往上越薄，于是塔楼看起来比实际更高。"
                    "燕子在箭孔里筑巢，如今唯一的旗帜，是常春藤每年春天挂出来的那几面。",
                    "楼梯向右盘旋，为的是让守卫者的持剑手自由。登上塔顶，风接管了一切，也把景色一并交给你：长条的田地，"
                    "尖顶微斜的教堂，还有远处山脊上三片转动的白帆。",
                ],
            ),
            (
                "山脊上的风帆",
                [
                    "工作中的风车比看上去更吵。风帆掠过时像一声叹息，木梁应和着，而在这一切之下，是磨石低沉的嗓音。"
                    "我们遇见的磨坊主修了三十年钟表才改行，说起两门手艺来用的是同一句话：放平，保干，用心听。",
                    "他让我们扛一袋面粉爬上木梯，这是学会尊重面粉最快的办法。",
                ],
            ),
        ],
    ),
}
CAPTIONS = {
    "en": [
        "A quiet lane between hedges, with the hill ahead",
        "The keep above the bend of the river",
        "The miller's ladder",
        "White sails on the far ridge",
    ],
    "zh": ["树篱之间的小径", "河湾上的主楼", "磨坊主的木梯", "远处山脊上的白帆"],
}
AFTER = ("b1", "b4", "b7", "b8")
"""Blocks that the slots stand after: b0 is the first heading, every section has a heading and its paragraphs."""
EMPTY = 2
"""The slot that stays empty."""


def brief(language: str = "en", libraries: tuple[str, ...] = ()) -> Brief:
    if language == "zh":
        return Brief(
            topic="欧洲的城堡与风车", tone="从容", audience="周末旅行者", language="zh", length=800, libraries=libraries
        )
    return Brief(
        topic="A walk around the castles and windmills of Europe",
        notes="Start on the lane, end on the ridge. Mention the miller who repaired clocks.",
        audience="Weekend walkers",
        tone="Warm, unhurried",
        length=1000,
        pictures=4,
        libraries=libraries,
    )


def outline(language: str = "en") -> Outline:
    title, sections = TEXTS[language]
    return Outline(title, tuple(Section(heading, tuple(p[:40] for p in points)) for heading, points in sections))


def blocks(language: str = "en") -> tuple[Block, ...]:
    made: list[Block] = []
    passage = 0
    for place, (heading, paragraphs) in enumerate(TEXTS[language][1]):
        made.append(Block(id=f"b{len(made)}", kind="heading", text=heading, section=place, passage=passage))
        for words in paragraphs:
            made.append(Block(id=f"b{len(made)}", kind="paragraph", text=words, section=place, passage=passage))
            passage += 1
    return tuple(made)


def slots(language: str = "en") -> tuple[Slot, ...]:
    known = {block.id for block in blocks(language)}
    return tuple(
        Slot(id=f"s{at}", after=after, caption=caption, query=caption)
        for at, (after, caption) in enumerate(zip(AFTER, CAPTIONS[language], strict=True))
        if after in known
    )


def pictures(folder: Path) -> list[Picture]:
    """The pictures of a folder, in the order of their names."""
    made = []
    for path in sorted(folder.glob("*.jpg"))[:24]:
        with Image.open(path) as image:
            width, height = image.size
        words = path.stem.replace("-", " ").replace("_", " ")
        made.append(
            Picture(
                id=path.stem,
                path=str(path),
                width=width,
                height=height,
                caption=words.capitalize(),
                words=words,
                credit="A. Walker",
                licence="CC BY 4.0",
            )
        )
    return made


def candidates(found: list[Picture], slot: int, count: int = 6) -> tuple[Candidate, ...]:
    """Candidates of a slot, best first, with scores that fall evenly."""
    if not found:
        return ()
    top = 0.24 if slot == EMPTY else 0.91 - 0.04 * slot
    return tuple(
        Candidate(
            picture=found[(slot * 3 + at) % len(found)],
            signals={
                "vector": round(0.34 - 0.02 * at, 3),
                "words": round(max(0.0, 0.8 - 0.15 * at), 3),
                "rerank": round(0.88 - 0.11 * at, 3),
            },
            final=round(max(0.02, top - 0.11 * at), 3),
        )
        for at in range(min(count, len(found)))
    )


def pick(slot: Slot, at: int, found: tuple[Candidate, ...]) -> Pick:
    if at == EMPTY or not found:
        return Pick(slot=slot.id, picture=None, reason="No picture in your folders shows a ladder inside a mill.")
    return Pick(
        slot=slot.id, picture=found[0].picture, reason="It shows the place and the light that the text tells of."
    )


def composition(folder: Path, language: str = "en") -> Composition:
    """The finished article."""
    found = pictures(folder)
    planned = slots(language)
    offered = {slot.id: candidates(found, at) for at, slot in enumerate(planned)}
    return Composition(
        brief=brief(language, (str(folder),)),
        outline=outline(language),
        article=Article(TEXTS[language][0], blocks(language)),
        slots=planned,
        candidates=offered,
        picks={slot.id: pick(slot, at, offered[slot.id]) for at, slot in enumerate(planned)},
        models={"writer": "starter-writer", "encoder": "starter-clip", "reranker": "starter-words"},
    )
