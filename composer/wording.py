"""An explanation in plain words, English and Chinese. Scores are said in points of 100, as the window shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from composer import prose
from composer.grounds import Change, Explanation, Part, Rival
from composer.types import Language, SignalName

QUOTED = {"en": 32, "zh": 60}
"""Words (characters) of the text's sentence that are quoted."""

SIGNALS: dict[Language, dict[str, str]] = {
    "en": {
        "vector": "Look", "paragraph": "Look, paragraph", "captions": "Caption", "words": "Words",
        "context": "Words, paragraph", "rerank": "Judge", "article": "Topic", "series": "Series", "mood": "Mood",
        "shape": "Shape", "size": "Size", "rights": "Rights", "fresh": "Freshness", "colour": "Colours",
        "proportions": "Proportions",
    },
    "zh": {
        "vector": "画面", "paragraph": "画面与段落", "captions": "图注", "words": "文字", "context": "文字与段落",
        "rerank": "评判", "article": "主题", "series": "成组", "mood": "氛围", "shape": "版式", "size": "尺寸",
        "rights": "版权", "fresh": "新鲜度", "colour": "色彩", "proportions": "比例",
    },
}  # fmt: skip
_EN = {
    "sentence": "For the sentence: “{sentence}”",
    "undecided": "Nothing is decided here yet.",
    "best": "It fits {final} %, the best of {considered} pictures that were looked at.",
    "only": "It fits {final} %; no other picture was found for this place.",
    "better": "It fits {final} %. Of {considered} pictures that were looked at, {better} would fit better.",
    "own": "You chose this picture. By the program's figures it fits {final} %.",
    "unknown": "What was measured was not kept with this article. Choose the pictures again to see it.",
    "own unknown": "You chose this picture. It was not measured for this place.",
    "own empty": "You left this place without a picture.",
    "none found": "The library has no picture for this place.",
    "too weak": "Nothing fits well enough: the best of {considered}, “{name}”, is at {final} %, {gap} {unit} below the "
                "{needed} % that a picture needs.",
    "elsewhere": "“{name}” would fit with {final} %, but it stands at picture {place}.",
    "left empty": "“{name}” would fit with {final} %, but the place is empty.",
    "held back": "“{signal}” held it back most: {share} of {weight} points.",
    "common": "Words in common: {words}.",
    "points": "Points: {points}.",
    "point": "{signal} {share} of {weight}",
    "part unknown": "{signal} (not known)",
    "unweighed": "How much each signal counted was not kept with this article. Choose the pictures again to see it.",
    "rival": "“{name}” fits {final} %: {gap} {unit} less.",
    "rival signal": "“{name}” fits {final} %: {gap} {unit} less, mostly in “{signal}”.",
    "rival equal": "“{name}” fits just as well.",
    "rival better": "“{name}” fits {final} %: {gap} {unit} more.",
    "rival alone": "“{name}” fits {final} %.",
    "serves": "It stands at picture {place} now.",
    "threshold": "If a picture needed more than {value} %, “{name}” would stand here.",
    "threshold empty": "If a picture needed more than {value} %, the place would be empty.",
    "threshold low": "If a picture needed only {value} %, “{name}” would stand here.",
    "signal": "If “{signal}” did not count, “{name}” would fit best here, with {value} %.",
    "signal empty": "If “{signal}” did not count, nothing here would fit well enough: {value} % at best.",
    "place": "If picture {place} could not have it, “{name}” would stand here.",
    "picture": "Without this picture, “{name}” would stand here.",
    "picture empty": "Without this picture, the place would be empty.",
    "choice": "The program would have put “{name}” here.",
    "choice same": "The program would have chosen it too.",
    "choice empty": "The program would have left the place empty.",
    "title": "Picture {place}: {name}",
    "title empty": "Picture {place}: none",
    "comma": ", ",
    "one": "point",
    "many": "points",
}  # fmt: skip
_ZH = {
    "sentence": "对应的句子：“{sentence}”",
    "undecided": "此处尚未决定。",
    "best": "匹配度 {final} %，是所看 {considered} 张图片中最合适的。",
    "only": "匹配度 {final} %；没有为此处找到其他图片。",
    "better": "匹配度 {final} %。在所看的 {considered} 张图片中，有 {better} 张更合适。",
    "own": "这张图片由您选定。按程序的计算，匹配度为 {final} %。",
    "unknown": "这篇文章没有保存当时的评估。重新选图后即可查看。",
    "own unknown": "这张图片由您选定，程序没有为此处评估过它。",
    "own empty": "您选择此处不配图。",
    "none found": "图片库中没有适合此处的图片。",
    "too weak": "没有足够合适的图片：{considered} 张中最好的是“{name}”，匹配度 {final} %，"
                "比所需的 {needed} % 低 {gap} 分。",
    "elsewhere": "“{name}”在此处匹配度为 {final} %，但它已用作第 {place} 张图片。",
    "left empty": "“{name}”在此处匹配度为 {final} %，但此处没有配图。",
    "held back": "失分最多的是“{signal}”：{weight} 分中只得 {share} 分。",
    "common": "共有的词：{words}。",
    "points": "得分：{points}。",
    "point": "{signal} {share}/{weight}",
    "part unknown": "{signal}（不详）",
    "unweighed": "这篇文章没有保存各项所占的比重。重新选图后即可查看。",
    "rival": "“{name}”匹配度 {final} %，低 {gap} 分。",
    "rival signal": "“{name}”匹配度 {final} %，低 {gap} 分，主要差在“{signal}”。",
    "rival equal": "“{name}”同样合适。",
    "rival better": "“{name}”匹配度 {final} %，高 {gap} 分。",
    "rival alone": "“{name}”匹配度 {final} %。",
    "serves": "它现已用作第 {place} 张图片。",
    "threshold": "如果所需匹配度高于 {value} %，此处会用“{name}”。",
    "threshold empty": "如果所需匹配度高于 {value} %，此处会空着。",
    "threshold low": "如果所需匹配度只有 {value} %，此处会用“{name}”。",
    "signal": "如果不计“{signal}”，此处最合适的会是“{name}”，匹配度 {value} %。",
    "signal empty": "如果不计“{signal}”，此处没有足够合适的图片：最高 {value} %。",
    "place": "如果第 {place} 张不能用它，此处会用“{name}”。",
    "picture": "如果没有这张图片，此处会用“{name}”。",
    "picture empty": "如果没有这张图片，此处会空着。",
    "choice": "程序在此处会选“{name}”。",
    "choice same": "程序也会选它。",
    "choice empty": "程序会让此处空着。",
    "title": "第 {place} 张图片：{name}",
    "title empty": "第 {place} 张图片：无",
    "comma": "，",
    "one": "分",
    "many": "分",
}  # fmt: skip
TEXTS: dict[Language, dict[str, str]] = {"en": _EN, "zh": _ZH}


def sentences(explanation: Explanation, language: Language) -> list[str]:
    """All of it: what was decided and why, the points, the others, and what would have been otherwise."""
    return [
        *reasons(explanation, language),
        *([points(explanation, language)] if explanation.weighed and explanation.parts else []),
        *(about_rival(rival, explanation, language) for rival in others(explanation)),
        *(about_change(change, explanation, language) for change in explanation.changes),
    ]


def title(explanation: Explanation, language: Language) -> str:
    """Number and name of what stands there."""
    key = "title" if explanation.picture else "title empty"
    return TEXTS[language][key].format(place=explanation.place, name=explanation.name)


def reasons(explanation: Explanation, language: Language) -> list[str]:
    """What was decided, on which sentence, and on which words."""
    return list(_reasons(explanation, language))


def points(explanation: Explanation, language: Language) -> str:
    """What each signal gave of what it could have given, in points of 100."""
    given = points_of(explanation.parts)
    said = [
        TEXTS[language]["point"].format(signal=part_name(part, language), share=share, weight=weight)
        for part, (share, weight) in zip(explanation.parts, given, strict=True)
        if weight or part.weight > 0
    ]
    return TEXTS[language]["points"].format(points=TEXTS[language]["comma"].join(said))


def points_of(parts: Sequence[Part]) -> list[tuple[int, int]]:
    """Share and weight of each part in whole points; the shares add up to the rounded score, the weights to 100."""
    shares, weights = _whole([part.share for part in parts]), _whole([part.weight for part in parts])
    return list(zip(shares, weights, strict=True))


def others(explanation: Explanation) -> Sequence[Rival]:
    """The rivals that `reasons` did not tell: the best candidate of an empty place is why it is empty."""
    empty = not explanation.picture and explanation.decided == "program"
    return explanation.rivals[1:] if empty else explanation.rivals


def about_rival(rival: Rival, explanation: Explanation, language: Language) -> str:
    """How another picture compares with the one that stands here."""
    words = TEXTS[language]
    final = explanation.final
    gap = 0 if final is None else round(100 * final) - round(100 * rival.final)
    key = _rival_key(rival, final, gap)
    said = words[key].format(
        name=rival.name, final=round(100 * rival.final), gap=abs(gap), unit=words["one" if abs(gap) == 1 else "many"],
        signal=_signal(rival.signal, language) if rival.signal else "",
    )  # fmt: skip
    return prose.join([said, words["serves"].format(place=rival.place)], language) if rival.place else said


def about_change(change: Change, explanation: Explanation, language: Language) -> str:
    """What would have put another picture here, or none."""
    key: str = change.kind
    if not change.picture:
        key = f"{change.kind} empty"
    elif change.kind == "threshold" and not explanation.picture:
        key = "threshold low"
    elif change.kind == "choice" and change.picture == explanation.picture:
        key = "choice same"
    words = TEXTS[language]
    said = words[key].format(
        name=change.name, value=round(100 * change.value), place=change.place,
        signal=_signal(change.signal, language) if change.signal else "",
    )  # fmt: skip
    moved = change.place and change.kind != "place"
    return prose.join([said, words["serves"].format(place=change.place)], language) if moved else said


def part_name(part: Part, language: Language) -> str:
    """What a part is called on the screen."""
    name = _signal(part.signal, language)
    return name if part.value is not None else TEXTS[language]["part unknown"].format(signal=name)


def _signal(signal: str, language: Language) -> str:
    return SIGNALS[language].get(signal, signal)


def _reasons(explanation: Explanation, language: Language) -> Iterator[str]:
    words = TEXTS[language]
    yield _decided(explanation, words)
    if explanation.sentence:
        quoted = prose.cut_words(explanation.sentence, QUOTED[language], language)
        cut = "" if quoted == " ".join(explanation.sentence.split()) else "…"
        yield words["sentence"].format(sentence=quoted + cut)
    if not explanation.picture and explanation.decided == "program" and explanation.held_back:
        yield _held_back(explanation, explanation.held_back, language)
    if explanation.words:
        yield words["common"].format(words=words["comma"].join(explanation.words))
    if explanation.parts and not explanation.weighed:
        yield words["unweighed"]


def _decided(explanation: Explanation, words: dict[str, str]) -> str:
    if explanation.decided == "nobody":
        return words["undecided"]
    if not explanation.picture:
        return words["own empty"] if explanation.decided == "writer" else _empty(explanation, words)
    if explanation.final is None:
        return words["own unknown" if explanation.decided == "writer" else "unknown"]
    key = "own" if explanation.decided == "writer" else "better" if explanation.better else "best"
    if key == "best" and explanation.considered == 1:
        key = "only"
    return words[key].format(
        final=round(100 * explanation.final), considered=explanation.considered, better=explanation.better
    )


def _empty(explanation: Explanation, words: dict[str, str]) -> str:
    if not explanation.rivals:
        return words["none found"]
    best, needed = explanation.rivals[0], explanation.empty_below
    if best.final >= needed:
        key = "elsewhere" if best.place else "left empty"
        return words[key].format(name=best.name, final=round(100 * best.final), place=best.place)
    final, limit = _apart(best.final, needed)
    gap = f"{float(limit) - float(final):.1f}".removesuffix(".0")
    return words["too weak"].format(
        considered=explanation.considered, name=best.name, final=final, needed=limit, gap=gap,
        unit=words["one" if gap == "1" else "many"],
    )  # fmt: skip


def _apart(one: float, other: float) -> tuple[str, str]:
    """Two scores in points, with as many decimals as tell them apart, two at most."""
    for decimals in (0, 1, 2):
        said = f"{100 * one:.{decimals}f}", f"{100 * other:.{decimals}f}"
        if said[0] != said[1]:
            break
    return said  # pyright: ignore[reportPossiblyUnboundVariable]


def _held_back(explanation: Explanation, signal: SignalName, language: Language) -> str:
    given = dict(zip((part.signal for part in explanation.parts), points_of(explanation.parts), strict=True))
    share, weight = given[signal]
    return TEXTS[language]["held back"].format(signal=_signal(signal, language), share=share, weight=weight)


def _rival_key(rival: Rival, final: float | None, gap: int) -> str:
    if final is None:
        return "rival alone"
    if gap == 0:
        return "rival equal"
    if gap < 0:
        return "rival better"
    return "rival signal" if rival.signal else "rival"


def _whole(values: Sequence[float]) -> list[int]:
    """Whole hundredths that add up to the rounded sum: the largest remainders are rounded up (Hamilton's method)."""
    exact = [100 * value for value in values]
    whole = [int(value) for value in exact]
    missing = round(sum(exact)) - sum(whole)
    for at in sorted(range(len(exact)), key=lambda at: whole[at] - exact[at])[:missing]:
        whole[at] += 1
    return whole
