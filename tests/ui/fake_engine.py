"""An engine that speaks the wire and computes nothing: `python fake_engine.py [--delay S] [--hold N] ...`.

`--hold N`   a fresh composition stops after N pieces of text and waits to be cancelled or killed; one that is gone on
             with runs to its end
`--deaf`     cancelling is not answered
`--fail`     composing fails
`--mute`     ends at once, without a word
`--repeat N` writes the article N times over, for measuring
`--stop-at STAGE` waits before that stage
`--hold-pull` fetching a model stops in the middle until it is cancelled
`--fail-models` what is asked about models fails, but for the list
`--library N FOLDER` the picture library has N pictures, which look like those of the folder
`--skipped N` so many files of it were skipped
`--library-seconds S` every answer about the library takes so long
`--library-log FILE` each command about the library is written there
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from msgspec.structs import replace  # noqa: E402 - the path comes first

from composer import types as t  # noqa: E402
from composer import wire  # noqa: E402
from composer.draft import fold  # noqa: E402
from composer.errors import ComposerError  # noqa: E402
from composer.explanation import explain  # noqa: E402
from tests.ui import library_sample, models_sample, sample  # noqa: E402


class Stop(Exception):
    pass


class Engine:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.cancelled: set[int] = set()
        self.jobs: Queue[wire.CommandLine | None] = Queue()
        self.shelf_jobs: Queue[wire.CommandLine] = Queue()
        self.shelf = models_sample.Shelf()
        self.stock_jobs: Queue[wire.CommandLine] = Queue()
        count, folder = options.library
        self.stock = library_sample.Stock(int(count), folder, options.skipped)
        self.changed = threading.Event()
        self.writing = threading.Lock()

    def say(self, job: int, report: wire.AnyReport) -> None:
        with self.writing:
            sys.stdout.buffer.write(wire.encode(wire.ReportLine(job, report)))
            sys.stdout.buffer.flush()

    def listen(self) -> None:
        for line in sys.stdin.buffer:
            said = wire.decode_command(line)
            match said.command:
                case wire.CancelJob(target=target):
                    if not self.options.deaf:
                        self.cancelled.add(target)
                        self.changed.set()
                        self.say(said.job, wire.Done())
                case wire.Shutdown():
                    break
                case (
                    wire.ListModels() | wire.PullModel() | wire.VerifyModel() | wire.RemoveModel() | wire.UseModel()
                    | wire.AllowServer() | wire.CheckMachine()
                ):  # fmt: skip
                    self.shelf_jobs.put(said)
                case _ if isinstance(said.command, library_sample.COMMANDS):
                    self.stock_jobs.put(said)
                case _:
                    self.jobs.put(said)
        if self.options.deaf:
            return
        self.jobs.put(None)
        os._exit(0)

    def run(self) -> None:
        threading.Thread(target=self.listen, daemon=True).start()
        threading.Thread(target=self.mind_the_shelf, daemon=True).start()
        threading.Thread(target=self.mind_the_stock, daemon=True).start()
        self.say(0, wire.Ready("fake"))
        sys.stderr.write("fake engine: listening\n")
        sys.stderr.flush()
        while (said := self.jobs.get()) is not None:
            self.work(said)

    def work(self, said: wire.CommandLine) -> None:
        try:
            match said.command:
                case wire.Compose():
                    self.compose(said.job, said.command)
                case wire.ExportArticle():
                    self.export(said.job, said.command)
                case wire.ExplainPick():
                    self.say(said.job, wire.Explained(explain(said.command.composition, said.command.slot)))
                case _:
                    pass
        except Stop:
            self.say(said.job, wire.Stopped())
            return
        if self.options.fail and isinstance(said.command, wire.Compose):
            self.say(
                said.job,
                wire.Failed(
                    "The writer model is missing.", "Run `make setup`, then try again.", "trace", "ModelNotReady"
                ),
            )
        else:
            self.say(said.job, wire.Done())

    def mind_the_shelf(self) -> None:
        while True:
            said = self.shelf_jobs.get()
            if self.options.fail_models and not isinstance(said.command, wire.ListModels):
                self.say(said.job, wire.Failed("The model cannot be used.", "Choose another.", "trace"))
                continue
            try:
                self.work_on_models(said.job, said.command)
            except Stop:
                self.say(said.job, wire.Stopped())
                continue
            self.say(said.job, wire.Done())

    def mind_the_stock(self) -> None:
        while True:
            said = self.stock_jobs.get()
            if self.options.library_log:
                with Path(self.options.library_log).open("ab") as log:
                    log.write(wire.encode(said))
            try:
                self.pause(said.job, self.options.library_seconds)
                for report in self.stock.carry_out(said.command):
                    self.say(said.job, report)
            except Stop:
                self.say(said.job, wire.Stopped())
                continue
            except ComposerError as error:
                self.say(said.job, wire.Failed(error.message, error.hint, kind=type(error).__name__))
                continue
            except LookupError:
                self.say(said.job, wire.Failed("That search is not known any more.", "Search again.", "trace"))
                continue
            self.say(said.job, wire.Done())

    def work_on_models(self, job: int, command: wire.AnyCommand) -> None:
        shelf = self.shelf
        match command:
            case wire.PullModel(name=name):
                for part in range(11):
                    self.say(job, wire.Pulling(name, "weights.gguf", part * shelf.size(name) // 10, shelf.size(name)))
                    self.pause(job, 1e6 if self.options.hold_pull and part == 4 else 0.01)
                shelf.become(name, "ready")
            case wire.VerifyModel(name=name):
                self.say(job, wire.Verified(name, {"weights.gguf": "damaged", "words.json": "ready"}))
            case wire.RemoveModel(name=name):
                self.say(job, wire.Removed(name, shelf.size(name)))
                shelf.become(name, "missing")
            case wire.UseModel(name=name, purpose=purpose) if purpose is not None:
                shelf.use(name, purpose)
            case wire.CheckMachine():
                self.say(job, wire.Checked(models_sample.CHECKS))
                return
            case wire.AllowServer(host=host):
                sys.stderr.write(f"allowed {host}\n")
                sys.stderr.flush()
        self.say(job, shelf.listed())

    def export(self, job: int, command: wire.ExportArticle) -> None:
        files = []
        for name in command.formats:
            path = Path(command.folder) / ("article.md" if name == "markdown" else "article.html")
            title = command.composition.article.title if command.composition.article else ""
            path.write_text(title, "utf-8")
            files.append(str(path))
        self.say(job, wire.Exported(tuple(files)))

    def pause(self, job: int, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            if job in self.cancelled:
                raise Stop
            left = until - time.monotonic()
            if left <= 0:
                return
            self.changed.wait(min(left, 0.02))
            self.changed.clear()

    def compose(self, job: int, command: wire.Compose) -> None:
        draft = command.composition or t.Composition(brief=command.brief)
        if self.options.fail:
            return
        pieces = 0
        for event in self.events(job, command, draft):
            draft = fold(draft, event)
            self.say(job, wire.Happened(event))
            if isinstance(event, t.TextDelta):
                pieces += 1
                if self.options.hold and pieces >= self.options.hold and command.composition is None:
                    self.pause(job, 1e6)
                self.pause(job, self.options.delay)
            elif job in self.cancelled:
                raise Stop
        self.say(job, wire.Happened(t.Composed(draft)))

    def stage(self, job: int, name: t.StageName) -> Iterator[t.AnyEvent]:
        yield t.StageStarted(name)
        if self.options.stop_at == name:
            self.pause(job, 1e6)

    def events(self, job: int, command: wire.Compose, draft: t.Composition) -> Iterator[t.AnyEvent]:
        brief = command.brief
        language = brief.language
        folder = Path(brief.libraries[0]) if brief.libraries else None
        found = sample.pictures(folder) if folder else []
        yield t.ModelsChosen({"writer": "starter-writer", "encoder": "starter-clip", "reranker": "starter-words"})
        yield t.Notice("2 files in your folders were skipped.", "They are not pictures.")
        yield from self.stage(job, "outline")
        if draft.outline is None:
            yield t.OutlineReady(sample.outline(language))
        yield t.StageFinished("outline", 0.1, "o")
        yield from self.stage(job, "write")
        written = {block.id: block for block in draft.article.blocks} if draft.article else {}
        blocks = [b for b in self.blocks(language) if not (b.id in written and written[b.id].done)]
        for at, block in enumerate(blocks):
            if block.id not in written:
                yield t.BlockStarted(replace(block, text="", done=False))
            begun = written[block.id].text if block.id in written else ""
            for piece in _pieces(block.text[len(begun) :], language):
                yield t.TextDelta(block.id, piece)
            yield t.BlockReplaced(block)
            yield t.StageProgress("write", at + 1, len(blocks), (len(blocks) - at - 1) * 12.0)
        yield t.StageFinished("write", 1.0, "w")
        yield from self.stage(job, "plan")
        slots = sample.slots(language) if draft.slots is None else draft.slots
        if draft.slots is None:
            yield t.SlotsPlanned(slots)
        yield t.StageFinished("plan", 0.1, "p")
        yield from self.stage(job, "retrieve")
        for at, slot in enumerate(slots):
            yield t.CandidatesReady(slot.id, sample.candidates(found, at))
        yield from self.stage(job, "rank")
        for at, _slot in enumerate(slots):
            yield t.StageProgress("rank", at + 1, len(slots), (len(slots) - at) * 2.0)
        yield from self.stage(job, "assign")
        for at, slot in enumerate(slots):
            yield t.Picked(sample.pick(slot, at, sample.candidates(found, at)))
        yield t.StageFinished("assign", 0.1, "a")
        yield from self.stage(job, "caption")
        yield t.StageFinished("caption", 0.1, "c")

    def blocks(self, language: str) -> list[t.Block]:
        blocks = sample.blocks(language)
        return [
            replace(block, id=block.id if not turn else f"{block.id}-{turn}")
            for turn in range(self.options.repeat)
            for block in blocks
        ]


def _pieces(words: str, language: str) -> list[str]:
    if language == "zh":
        return [words[at : at + 2] for at in range(0, len(words), 2)]
    parts = words.split(" ")
    return [part if at == len(parts) - 1 else f"{part} " for at, part in enumerate(parts)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--hold", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--stop-at", default="")
    parser.add_argument("--library", nargs=2, default=("0", ""))
    parser.add_argument("--library-seconds", type=float, default=0.0)
    parser.add_argument("--library-log", default="")
    parser.add_argument("--skipped", type=int, default=1)
    for flag in ("--deaf", "--fail", "--mute", "--hold-pull", "--fail-models"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    if options.mute:
        sys.exit(3)
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        Engine(options).run()


if __name__ == "__main__":
    main()
