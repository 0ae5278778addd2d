"""The engine's language: every line survives the way there, and nonsense is an error with a name."""

from __future__ import annotations

import msgspec
import pytest

from composer import wire
from composer.acts import standing
from composer.collection import (
    Credential,
    Details,
    Edit,
    Filter,
    Hit,
    LibraryFolder,
    LibraryState,
    Query,
    Screens,
    Used,
)
from composer.errors import ModelFailed
from composer.grounds import Change, Explanation, Part, Rival
from composer.ports import Check, DiskUse
from composer.types import (
    AnyEvent,
    ArticleReady,
    BlockReplaced,
    BlockStarted,
    Brief,
    CandidatesReady,
    Composed,
    Composition,
    ModelsChosen,
    Notice,
    OutlineReady,
    Pick,
    Picked,
    SlotsPlanned,
    Speed,
    StageFinished,
    StageProgress,
    StageStarted,
    TextDelta,
    WeightsChosen,
)
from tests.composer.fakes import article, candidate, outline_of, paragraph, picture, slot
from tests.composer.shelf import row
from tests.composer.test_acts import article as acted

BRIEF = Brief(topic="灯塔\n\u2028\x00 “x”")
HIT = Hit(picture=picture("a"), vector=0.3, words=None, score=1.0, copies=2, rating=4, tags=("水",), rights="free")
COMMANDS = [
    wire.Compose(BRIEF),
    wire.Compose(BRIEF, Composition(brief=BRIEF, article=article(2))),
    wire.CancelJob(4),
    wire.ExportArticle(Composition(brief=BRIEF), "/out", ("html",)),
    wire.FindPictures(Query(text="小船", like=("a",), filter=Filter(rights=("free",), people=False), order="newest")),
    wire.ShowHits("library", 60, 60),
    wire.DescribePicture("a"),
    wire.MarkPictures(("a", "b"), rating=4, hidden=False, tags=("水",), add_tags=("x",), remove_tags=("y",)),
    wire.EditPicture("a", Edit(caption="", people=("Ann",))),
    wire.UsePictures("/a b/文.pictorial", "文", ("a",)),
    wire.ExplainPick(Composition(brief=BRIEF), "s1"),
    wire.RecordActs(standing(acted())),
    wire.ShowLibrary(),
    wire.PutFolder(LibraryFolder(path="/a b", exclude="*.png\nprivate/", watched=True)),
    wire.DropFolder("/a b"),
    wire.IndexLibrary(("/a b/图片",)),
    wire.ShowSkipped("/a b", "/a b/图.jpg", 10),
    wire.SetPace(paused=True, share=0.5),
    wire.SetLibrary("milvus:/a b/图.db", read_texts=True),
    wire.ListModels(),
    wire.PullModel("starter-writer"),
    wire.VerifyModel("starter-writer"),
    wire.RemoveModel("starter-writer"),
    wire.UseModel("gguf:/a b/模型.gguf", "writer"),
    wire.AllowServer("box.local:8080"),
    wire.CheckMachine(),
    wire.RenewModels(),
    wire.Shutdown(),
]
EVENTS = [
    StageStarted("write"),
    StageProgress("write", 1, 2, 3.5),
    StageFinished("write", 1.0, "hash", reused=True),
    OutlineReady(outline_of("Nets")),
    BlockStarted(paragraph("p0", "", done=False)),
    TextDelta("p0", "a\nb"),
    BlockReplaced(paragraph("p0", "ab")),
    ArticleReady(article(2), Speed(1, 2.0)),
    SlotsPlanned((slot("s1"),)),
    CandidatesReady("s1", (candidate("a", 0.5, vector=0.1, rerank=-2.0),)),
    Picked(Pick(slot="s1", picture=picture("a"), reason="r")),
    ModelsChosen({"writer": "w"}),
    WeightsChosen({"words": (0.5, 0.5, 0.0)}, 0.4),
    Notice("Hello.", "Do this."),
    Composed(Composition(brief=BRIEF)),
]
REPORTS = [
    wire.Ready("1"),
    wire.Scanned("/a", 1, 2, 3, (wire.Skipped("/a/b", "broken"),)),
    wire.Matched("library", 2**40, (HIT,), "words only"),
    wire.HitsShown("library", 60, (HIT,)),
    wire.Described(
        Details(
            picture=picture("a"),
            paths=("/a b/a.jpg",),
            uses=(Used("/x.pictorial", "X", "2026-01-02"),),
            screens=Screens(kind="photograph", sharpness=0.5),
            credential=Credential(valid=True, signer="Ann"),
        )
    ),
    wire.LibraryChanged(("a",)),
    wire.LibraryShown(LibraryState(folders=(LibraryFolder(path="/a", there=False),), share=0.5, tags=("水",))),
    wire.SkippedShown("/a b", (wire.Skipped("/a b/图.jpg", "broken"),), more=True),
    wire.Indexing("look", 1, 2**40, "/a", "slow", 3.5),
    wire.Exported(("/a",)),
    wire.Explained(
        Explanation(
            slot="s1",
            place=1,
            decided="program",
            final=None,
            words=("风车",),
            parts=(Part(signal="words", value=0.5, share=0.25),),
            rivals=(Rival(picture="a", name="A", final=0.5, signal="words"),),
            changes=(Change(kind="signal", signal="words", picture="a", name="A"),),
        )
    ),
    wire.ModelsListed((row("small"),), (), DiskUse(models=1, unfinished=2, caches=3, free=4), {"writer": "small"}),
    wire.Pulling("small", "a.gguf", 3, 2**40),
    wire.Verified("small", {"a.gguf": "damaged"}),
    wire.Removed("small", 2**40),
    wire.Checked((Check("Disk", ok=False, detail="full", hint="Make room."),)),
    wire.Done(),
    wire.Stopped(),
    wire.Failed("m", "h", "d\nd", "ModelNotReady"),
    *map(wire.Happened, EVENTS),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: type(each).__name__)
def test_commands(command: wire.AnyCommand) -> None:
    line = wire.encode(wire.CommandLine(7, command))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert wire.decode_command(line) == wire.CommandLine(7, command)


@pytest.mark.parametrize(
    "report", REPORTS, ids=lambda each: type(each.event if isinstance(each, wire.Happened) else each).__name__
)
def test_reports(report: wire.AnyReport) -> None:
    line = wire.encode(wire.ReportLine(7, report))
    assert line.count(b"\n") == 1
    assert wire.decode_report(line) == wire.ReportLine(7, report)


def test_every_kind_is_tested() -> None:
    assert {type(each) for each in COMMANDS} == set(wire.AnyCommand.__args__)
    assert {type(each) for each in REPORTS} == set(wire.AnyReport.__args__)
    assert {type(each) for each in EVENTS} == set(AnyEvent.__args__)


def test_the_names_on_the_wire() -> None:
    line = wire.encode(wire.CommandLine(3, wire.CancelJob(2)))
    assert msgspec.json.decode(line) == {"job": 3, "command": {"command": "cancel", "target": 2}}
    line = wire.encode(wire.ReportLine(3, wire.Happened(TextDelta("p0", "x"))))
    assert msgspec.json.decode(line) == {
        "job": 3,
        "report": {"report": "happened", "event": {"event": "text-delta", "block": "p0", "text": "x"}},
    }


NONSENSE = [
    b"", b"\n", b"null", b"[]", b"{}", b"\xff\xfe", b'{"job":1}', b'{"job":"1","command":{"command":"shutdown"}}',
    b'{"job":1,"command":{"command":"explode"}}', b'{"job":1,"command":{"command":"compose","brief":{}}}',
    b'{"job":1,"command":{"command":"compose","brief":{"topic":"x","pictures":-1}}}',
    b'{"job":1,"x":' + b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("line", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense(line: bytes) -> None:
    with pytest.raises(ModelFailed):
        wire.decode_command(line)
    with pytest.raises(ModelFailed):
        wire.decode_report(line)
