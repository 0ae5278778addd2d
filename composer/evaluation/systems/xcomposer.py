"""The way of InternLM-XComposer, with the models that are there.

Source: Zhang et al. 2023, "InternLM-XComposer" (arXiv 2309.15112), section 3, and the demo that came with it. Taken
from there: the article is split into lines, each behind its number as <SegN>. The model is asked over the whole text
behind which lines pictures should go, and every number of its answer counts. For each it is asked for a caption, given
the text up to the line after and the captions so far. Four pictures are retrieved by the caption, and all four are
excluded from then on. At last, in reading order, the model is given the text up to the place with the pictures chosen
before, and four candidates A to D, and is asked which fits: the first letter counts, and A where there is none.
Nothing is sampled.

What differs: words of our own, in the language of the article, with one example where the form of an answer must be
seen, as models here were not tuned for these questions; greedy decoding where they use five beams, which writers here
do not have; the number of pictures is asked for, as when the demo's user sets one, because all systems get as many. A
writer that is shown pictures sees the candidates and those chosen before; for others the words that pictures carry
stand for them, without words their file names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase

from msgspec import Struct

from composer import prose
from composer.evaluation.nouns import Figure, GoldArticle, Illustrated, Placed, SystemName
from composer.evaluation.systems import lines
from composer.evaluation.systems.clock import Clock
from composer.evaluation.systems.ground import SEED, Ground, count_for, reordered
from composer.evaluation.systems.nearest import found
from composer.ports import PLACE, Cancel, Message, Prompt
from composer.types import Language, Picture

CANDIDATES = 4
LINES_TOKENS, CAPTION_TOKENS, LETTER_TOKENS = 300, 100, 10
"""The longest answers, as in the demo."""
CAPTION_WORDS = {"en": 40, "zh": 80}
PICTURE_WORDS = {"en": 30, "zh": 60}
"""Words (characters) of a caption that is searched with, and of what is told of a picture."""
PICTURE_TOKENS = 1024
"""Kept free for each picture that is shown; what models of today take for 768 pixels, and some take less."""
FRAME = 256
"""Tokens kept free for the request around the article, beside its answer and its candidates."""
DEPTH = CANDIDATES * 41
"""Pictures looked at so that four stay when those of 40 earlier places are excluded."""


class _Words(Struct, frozen=True, kw_only=True):
    """Requests in one language, and an article that shows once what an answer looks like."""

    system: str
    lines: str
    caption: str
    before: str
    select: str
    wanted: str
    picture: str
    example: tuple[str, ...]
    example_lines: tuple[int, ...]
    example_caption: str
    """Of the last of `example_lines`."""


WORDS: Mapping[Language, _Words] = {
    "en": _Words(
        system="You are a picture editor. You lay out articles with pictures.",
        lines="Article:\n{article}\n\nChoose the {count} lines of this article behind which a picture fits best. "
        "Answer only with their marks.",
        caption="Article:\n{article}\n\n{before}Give a caption for the picture that fits behind <Seg{line}>. Answer "
        "only with the caption, in quotation marks.",
        before='The picture behind <Seg{line}> has the caption "{caption}". ',
        select="Article:\n{article}\n\nCandidate pictures for this place:\n{candidates}\n\n{wanted}Which picture fits "
        "the article here best? Answer only with its letter.",
        wanted="The picture is to show: {words}\n",
        picture="[Picture: {words}]",
        example=(
            "From the spring to the sea",
            "The water leaves the hill under three old beeches, so cold that it hurts the hand.",
            "Why rivers bend was long argued about.",
            "Before the first walkers come, grey herons stand in the shallows and wait.",
        ),
        example_lines=(1, 3),
        example_caption="A grey heron in shallow water",
    ),
    "zh": _Words(
        system="你是一位图片编辑，为文章配图。",
        lines="文章：\n{article}\n\n请从上面的文章中选出最适合在其后插入图片的{count}行。只回答行的标记。",
        caption="文章：\n{article}\n\n{before}请给出适合在 <Seg{line}> 后插入的图片的标题。只回答标题，放在引号里。",
        before="<Seg{line}> 后的图片标题是“{caption}”。",
        select="文章：\n{article}\n\n此处的候选图片：\n{candidates}\n\n{wanted}哪一张图片最适合放在这里？只回答字母。",
        wanted="图片应当表现：{words}\n",
        picture="[图片：{words}]",
        example=(
            "从泉眼到大海",
            "水从三棵老榉树下流出来，冷得刺手。",
            "河流为什么弯曲，人们争论了很久。",
            "第一批散步的人来到之前，苍鹭站在浅水里等待。",
        ),
        example_lines=(1, 3),
        example_caption="浅水里的苍鹭",
    ),
}


class _Slot(Struct, frozen=True, kw_only=True):
    line: int
    caption: str
    query: str
    candidates: tuple[Picture, ...]


class XComposer:
    """Lines by number, captions one by one, four pictures each, one question with letters."""

    name: SystemName = "xcomposer"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def illustrate(self, gold: GoldArticle, cancel: Cancel) -> Illustrated:
        cancel.check()
        self._ground.warm(cancel, writes=True)
        clock, after = self._ground.clock(), lines.after_of(gold)
        slots = self._slots(gold, clock, cancel)
        chosen = self._chosen(gold, slots, cancel)
        seconds = clock.seconds()
        handed = [_with(slot, reordered(slot.candidates, f"{gold.id} {slot.line}")) for slot in slots]
        placed = tuple(
            Placed(
                after=after[slot.line], picture=picture, candidates=tuple(each.id for each in slot.candidates),
                caption=slot.caption, query=slot.query,
            )
            for slot, picture in zip(slots, chosen, strict=True)
        )  # fmt: skip
        return Illustrated(
            article=gold.id, system=self.name, slots=placed, seconds=seconds,
            shuffled=tuple(self._chosen(gold, handed, cancel)),
        )  # fmt: skip

    def choose(
        self, gold: GoldArticle, figure: Figure, words: str, candidates: Sequence[str], cancel: Cancel
    ) -> str | None:
        """One question that shows all candidates by letter, in the order given, and says what is wanted."""
        pictures = self._ground.pictures(candidates)
        if not pictures:
            return None
        after = lines.after_of(gold)
        before = after.index(figure.after) if figure.after >= 0 else 0
        wanted = WORDS[gold.language].wanted.format(words=prose.cut_words(words, PICTURE_WORDS["en"], gold.language))
        return pictures[self._asked(gold, before, {}, pictures, wanted, cancel)].id

    # --- the three steps

    def _slots(self, gold: GoldArticle, clock: Clock, cancel: Cancel) -> list[_Slot]:
        """Places, captions and candidates, in the order of the model's answer; returned in reading order."""
        captions: dict[int, str] = {}
        for line in self._lines(gold, cancel):
            captions[line] = self._caption(gold, line, captions, cancel)
        queries = {
            line: self._ground.twins.of(caption, gold.language, clock, cancel) for line, caption in captions.items()
        }
        near = found(self._ground, list(queries.values()), DEPTH)
        slots: list[_Slot] = []
        excluded: set[str] = set()
        for (line, query), pictures in zip(queries.items(), near, strict=True):
            ids = [each.id for each in pictures if each.id not in excluded][:CANDIDATES]
            excluded.update(ids)
            slots.append(
                _Slot(
                    line=line, caption=captions[line], query=query, candidates=tuple(self._ground.pictures(ids))
                )
            )  # fmt: skip
        return sorted(slots, key=lambda slot: slot.line)

    def _lines(self, gold: GoldArticle, cancel: Cancel) -> list[int]:
        shown = self._fitted(gold, lines.lines_of(gold), LINES_TOKENS)
        words = WORDS[gold.language]
        request = words.lines.format(article=lines.numbered(shown), count=count_for(gold))
        example = words.lines.format(article=lines.numbered(words.example), count=len(words.example_lines))
        shows = ", ".join(f"<Seg{line}>" for line in words.example_lines)
        answer = self._answer(request, gold.language, LINES_TOKENS, cancel, (example, shows), fresh=True)
        return lines.numbers(answer, len(shown))

    def _caption(self, gold: GoldArticle, line: int, captions: Mapping[int, str], cancel: Cancel) -> str:
        words = WORDS[gold.language]
        shown = self._fitted(gold, lines.lines_of(gold)[: line + 2], CAPTION_TOKENS)
        before = "".join(words.before.format(line=other, caption=said) for other, said in captions.items())
        request = words.caption.format(article=lines.numbered(shown), before=before, line=line)
        example = words.caption.format(
            article=lines.numbered(words.example), before="", line=words.example_lines[-1]
        )  # fmt: skip
        shows = (example, f'"{words.example_caption}"')
        answer = self._answer(request, gold.language, CAPTION_TOKENS, cancel, shows)
        caption = lines.caption_in(answer, gold.language, CAPTION_WORDS[gold.language])
        if not caption or prose.key(caption) == prose.key(words.example_caption):
            return prose.cut_words(shown[line], CAPTION_WORDS[gold.language], gold.language)
        return caption

    def _chosen(self, gold: GoldArticle, slots: Sequence[_Slot], cancel: Cancel) -> list[str | None]:
        """Slot by slot in reading order; what was chosen stands in the article for those that follow."""
        standing: dict[int, Picture] = {}
        chosen: list[str | None] = []
        for slot in slots:
            if not slot.candidates:
                chosen.append(None)
                continue
            standing[slot.line] = slot.candidates[
                self._asked(gold, slot.line, standing, slot.candidates, "", cancel)
            ]  # fmt: skip
            chosen.append(standing[slot.line].id)
        return chosen

    def _asked(
        self,
        gold: GoldArticle,
        line: int,
        standing: Mapping[int, Picture],
        candidates: Sequence[Picture],
        wanted: str,
        cancel: Cancel,
    ) -> int:
        """Place of the picture that the model names, the first where it names none."""
        words, writer = WORDS[gold.language], self._ground.tools.writer()
        listed = "\n".join(
            f"{name}. {self._told(picture, gold.language)}"
            for name, picture in zip(ascii_uppercase, candidates, strict=False)
        )
        before = {at: words.picture.format(words=self._told(each, gold.language)) for at, each in standing.items()}
        room = writer.count_tokens("\n".join([listed, wanted, *before.values()]))
        pictures = (*(standing[at] for at in sorted(standing)), *candidates) if writer.capabilities.shown else ()
        taken = LETTER_TOKENS + room + PICTURE_TOKENS * len(pictures)
        shown = self._fitted(gold, lines.lines_of(gold)[: line + 1], taken)
        request = words.select.format(article=lines.numbered(shown, before), candidates=listed, wanted=wanted)
        answer = self._answer(request, gold.language, LETTER_TOKENS, cancel, pictures=pictures)
        return lines.letter(answer, len(candidates)) or 0

    def _told(self, picture: Picture, language: Language) -> str:
        """What stands for a picture in a request: itself for a writer that is shown it, else its words."""
        return PLACE if self._ground.tools.writer().capabilities.shown else told_of(picture, language)

    # --- the model

    def _fitted(self, gold: GoldArticle, article: Sequence[str], taken: int) -> list[str]:
        writer = self._ground.tools.writer()
        return lines.fitted(article, writer.capabilities.context - FRAME - taken, writer, gold.language)

    def _answer(
        self,
        request: str,
        language: Language,
        tokens: int,
        cancel: Cancel,
        example: tuple[str, str] | None = None,
        *,
        pictures: tuple[Picture, ...] = (),
        fresh: bool = False,
    ) -> str:
        shown = (Message("user", example[0]), Message("assistant", example[1])) if example else ()
        prompt = Prompt(
            messages=(Message("system", WORDS[language].system), *shown, Message("user", request, pictures)),
            max_tokens=tokens, temperature=0.0, seed=SEED, fresh=fresh,
        )  # fmt: skip
        return "".join(piece.text for piece in self._ground.tools.writer().generate(prompt, cancel))


def told_of(picture: Picture, language: Language) -> str:
    """What a picture says of itself: its caption, else all its words, else its file's name."""
    words = picture.caption or picture.words or Path(picture.path).name
    return prose.cut_words(words, PICTURE_WORDS[language], language)


def _with(slot: _Slot, candidates: Sequence[Picture]) -> _Slot:
    return _Slot(line=slot.line, caption=slot.caption, query=slot.query, candidates=tuple(candidates))
