"""How much sooner the pictures stand again after an edit than when they are planned from scratch.

`python bench/replan.py [--quick] [--json]`. `--quick` uses the tiny writer, otherwise the one of the settings. The demo
brief is composed with the demo's pictures. Then, by turns in one run:

- from scratch: places, captions, retrieval and ranking of the whole text (composer.pipeline.illustrate on the bare
  text), which is what a program that remembers nothing does after each edit;
- after an edit: the same, once for each paragraph, with that paragraph's last sentence taken away (or one added).

`ratio`: the median over all paragraphs of seconds from scratch / seconds after the edit. A paragraph that a picture
belongs to is searched for again, and where the sentence went that the picture is about the model is asked once more;
any other costs nothing: `ratio_at_a_place` (and `ratio_least`, the worst) and `ratio_elsewhere` are told apart.
`ratio_sentence` is for the worst edit there is, which takes away the very sentence that a picture is about.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from msgspec.structs import replace

from composer import prose
from composer.pipeline import Tools, compose, illustrate
from composer.ports import Cancel
from composer.settings import Settings
from composer.types import Brief, Composition, Slot
from models.registry import Models

ROOT = Path(__file__).resolve().parents[1]
ADDED = "The light changes quickly here."
SCRATCHES = 3


def composed(brief: Brief, tools: Tools) -> Composition:
    work = compose(brief, None, tools, Cancel())
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def illustrated(draft: Composition, tools: Tools) -> tuple[Composition, float]:
    """The draft with its pictures, and the seconds it took."""
    began, work = time.perf_counter(), illustrate(draft, tools, Cancel())
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value, time.perf_counter() - began


def bare(draft: Composition) -> Composition:
    marks = {stage: mark for stage, mark in draft.inputs.items() if stage in {"outline", "write"}}
    return replace(draft, slots=None, candidates={}, picks={}, inputs=marks)


def edited(draft: Composition, block: str) -> Composition:
    assert draft.article is not None
    blocks = [
        replace(each, text=shortened(each.text, draft.brief)) if each.id == block else each
        for each in draft.article.blocks
    ]
    return replace(draft, article=replace(draft.article, blocks=tuple(blocks)))


def without(draft: Composition, slot: Slot) -> Composition:
    """The draft without the sentence that the slot is about."""
    assert draft.article is not None
    blocks = tuple(
        replace(each, text=each.text.replace(slot.sentence, ADDED)) if slot.sentence in each.text else each
        for each in draft.article.blocks
    )
    return replace(draft, article=replace(draft.article, blocks=blocks))


def shortened(text: str, brief: Brief) -> str:
    sentences = prose.sentences(text)
    return prose.join(sentences[:-1] if len(sentences) > 1 else [*sentences, ADDED], brief.language)


def measure(brief: Brief, tools: Tools) -> dict[str, float | int]:
    made = composed(brief, tools)
    assert made.article is not None
    illustrated(bare(made), tools)  # whatever is only done once
    scratches = [illustrated(bare(made), tools) for _ in range(SCRATCHES)]
    whole = statistics.median(seconds for _, seconds in scratches)
    start = scratches[0][0]
    places = {slot.after for slot in start.slots or ()}
    taken: dict[bool, list[float]] = {True: [], False: []}
    for block in made.article.blocks:
        if block.kind == "paragraph":
            taken[block.id in places].append(illustrated(edited(start, block.id), tools)[1])
    ratios = {kind: [whole / seconds for seconds in some] for kind, some in taken.items()}
    gone = [whole / illustrated(without(start, slot), tools)[1] for slot in start.slots or () if slot.sentence]
    return {
        "ratio": round(statistics.median([*ratios[True], *ratios[False]]), 1),
        "ratio_at_a_place": round(statistics.median(ratios[True]), 1),
        "ratio_least": round(min(ratios[True]), 1),
        "ratio_sentence": round(statistics.median(gone), 1),
        "ratio_elsewhere": round(statistics.median(ratios[False]), 1) if ratios[False] else 0.0,
        "scratch_seconds": round(whole, 2),
        "paragraphs": len(ratios[True]) + len(ratios[False]),
        "places": len(ratios[True]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the tiny writer")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    told = json.loads((ROOT / "demo" / "brief.json").read_text("utf-8"))
    known = {name: value for name, value in told.items() if name in Brief.__struct_fields__}
    brief = replace(Brief(**known), libraries=(str(ROOT / "demo" / "pictures"),))
    models = Models(Settings(writer="starter-tiny") if args.quick else Settings())
    try:
        found = measure(brief, models.tools())
    finally:
        models.close()
    if args.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
