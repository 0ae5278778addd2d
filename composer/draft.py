"""A composition as it grows: each event folded in. The window, the terminal and the tests all use this one fold."""

from __future__ import annotations

from msgspec.structs import replace

from composer.types import (
    OPENING,
    STAGES,
    AnyEvent,
    Article,
    ArticleReady,
    Block,
    BlockReplaced,
    BlockStarted,
    CandidatesReady,
    Composed,
    Composition,
    ModelsChosen,
    OutlineReady,
    Pick,
    Picked,
    Slot,
    SlotsPlanned,
    StageFinished,
    StageName,
    StageStarted,
    TextDelta,
    WeightsChosen,
)


def order_of(article: Article | None) -> dict[str, int]:
    """Where pictures can stand, from 0 behind the first block, by `Slot.after`; before all text is -1."""
    return {OPENING: -1, **{block.id: at for at, block in enumerate(article.blocks if article else ())}}


def caption_of(slot: Slot, pick: Pick | None) -> str:
    """What stands below the slot's picture: worded by the writer, else for this picture, else for the place."""
    return slot.caption if slot.worded or pick is None or pick.picture is None else pick.caption or slot.caption


def alt_of(pick: Pick | None) -> str:
    """What is seen in the picture, as far as anybody said; empty where nobody did."""
    return "" if pick is None or pick.picture is None else pick.alt or pick.picture.caption


def fold(draft: Composition, event: AnyEvent) -> Composition:  # noqa: C901, PLR0911 - one case an event
    """The draft after the event. Events about progress alone leave it as it is."""
    match event:
        case Composed():
            return event.composition
        case OutlineReady():
            return replace(
                draft, outline=event.outline, article=Article(event.outline.title, ()),
                slots=None, candidates={}, picks={},
            )  # fmt: skip
        case StageStarted():
            return replace(draft, inputs=_still_finished(draft.inputs, event.stage))
        case BlockStarted() | TextDelta() | BlockReplaced():
            article = draft.article or Article("", ())
            return replace(draft, article=replace(article, blocks=_blocks_after(article.blocks, event)))
        case ArticleReady():
            return replace(draft, article=event.article, speed=event.speed)
        case SlotsPlanned():
            return replace(draft, slots=event.slots, candidates={}, picks={})
        case CandidatesReady():
            return replace(draft, candidates={**draft.candidates, event.slot: event.candidates})
        case Picked():
            return replace(draft, picks={**draft.picks, event.pick.slot: event.pick})
        case ModelsChosen():
            return replace(draft, models=event.models)
        case WeightsChosen():
            return replace(draft, weights=event.weights, empty_below=event.empty_below)
        case StageFinished():
            return replace(
                draft,
                seconds={**draft.seconds, event.stage: event.seconds} if not event.reused else draft.seconds,
                inputs={**draft.inputs, event.stage: event.inputs} if event.inputs else draft.inputs,
            )
        case _:
            return draft


def _still_finished(inputs: dict[str, str], started: StageName) -> dict[str, str]:
    """What a stage that starts, and those after it, left earlier is going to be replaced: their marks go first.

    Else a run cut short here would be taken for finished by the next one. Looking at the folders replaces nothing.
    """
    if started == "index":
        return inputs
    before = STAGES[: STAGES.index(started)]
    return {stage: mark for stage, mark in inputs.items() if stage in before}


def _blocks_after(blocks: tuple[Block, ...], event: BlockStarted | TextDelta | BlockReplaced) -> tuple[Block, ...]:
    match event:
        case BlockStarted():
            return (*blocks, event.block)
        case TextDelta():
            # Text streams into the last block nearly always: look from the end.
            for at in range(len(blocks) - 1, -1, -1):
                if blocks[at].id == event.block:
                    grown = replace(blocks[at], text=blocks[at].text + event.text)
                    return (*blocks[:at], grown, *blocks[at + 1 :])
            return blocks
        case BlockReplaced():
            if not event.block.text:
                return tuple(block for block in blocks if block.id != event.block.id)
            return tuple(event.block if block.id == event.block.id else block for block in blocks)
