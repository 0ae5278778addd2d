"""The models on this machine as the window knows them: the list, what is being done with it, and how that ended."""

from __future__ import annotations

import time
from dataclasses import dataclass

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from composer import wire
from composer.shelf import DiskUse, Gain, ModelRow, ModelSet, Purpose
from ui.engine_client import EngineClient
from ui.model_words import Server, Work, arriving, named, seconds_left, size
from ui.texts import plural, text

PURPOSES: tuple[Purpose, ...] = ("writer", "encoder", "reranker")
JUDGES = ("starter", "none")
"""Settings of a re-ranker that are always there, whether or not the shelf lists them."""


@dataclass
class Progress:
    """Of one fetch. Bytes."""

    done: int = 0
    total: int = 0
    begun: int = -1
    """What was there when it began; -1 before the first report."""
    since: float = 0.0

    @property
    def seconds_left(self) -> float | None:
        return seconds_left(self.begun, self.done, self.total, time.monotonic() - self.since)


@dataclass
class Plan:
    """Commands that follow each other; the rest is given up when one fails."""

    steps: list[wire.AnyCommand]
    ending: str
    """What is said when all is done."""
    set_name: str = ""
    count: int = 0
    fetched: int = 0
    job: int = 0


@dataclass
class _Job:
    command: wire.AnyCommand
    plan: Plan | None = None
    begun: bool = False
    stopping: bool = False


class Shelf(QObject):
    """Everything here is a question to the engine; the answers come as signals."""

    changed = Signal()
    """The list, or what is being done with it."""
    progressed = Signal(str)
    """A fetch of this model went on."""
    begun = Signal()
    """Something was asked for: what was told before is over."""
    told = Signal(str)
    failed = Signal(object)
    """A wire.Failed."""
    lost = Signal()
    checked = Signal(object)

    def __init__(self, client: EngineClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._client = client
        self._jobs: dict[int, _Job] = {}
        self._progress: dict[str, Progress] = {}
        self._damaged: set[str] = set()
        self._asked: dict[str, Purpose] = {}
        """Addresses that were fetched from, by what the writer wanted them for."""
        self.rows: tuple[ModelRow, ...] = ()
        self.sets: tuple[ModelSet, ...] = ()
        self.disk: DiskUse | None = None
        self.chosen: dict[Purpose, str] = {}
        self.gain: Gain = ""
        """What is known of the re-ranker in use."""
        self.plan: Plan | None = None
        client.listed.connect(self._listed)
        client.pulling.connect(self._pulling)
        client.verified.connect(self._verified)
        client.removed.connect(self._removed)
        client.checked.connect(self._checked)
        client.done.connect(self._done)
        client.stopped.connect(self._stopped)
        client.failed.connect(self._failed)
        client.died.connect(self._died)

    # --- what there is ---

    def entries(self, purpose: Purpose) -> list[ModelRow]:
        """The rows of a purpose as they stand, and rows for what is in use or always possible but not listed."""
        rows = [self._as_it_is(row) for row in self.rows if row.purpose == purpose]
        listed = {row.setting for row in rows}
        extra = [*JUDGES] if purpose == "reranker" and self.chosen else []
        chosen = self.chosen.get(purpose, "")
        if chosen and chosen not in (*listed, *extra):
            extra.insert(0, chosen)
        made = [arriving(source, wanted) for source, wanted in self._asked.items() if wanted == purpose]
        made = [row for row in made if self.work_on(row.name)]
        made += [
            replace(named(setting, purpose), chosen=setting == chosen) for setting in extra if setting not in listed
        ]
        if purpose == "reranker":
            return [replace(row, gain=self.gain) if row.chosen else row for row in (*rows, *made)]
        return [*rows, *made]

    def find(self, name: str) -> ModelRow | None:
        return next((self._as_it_is(row) for row in self.rows if row.name == name), None)

    def work_on(self, name: str) -> Work:
        """What is being done with a model now."""
        for job in self._jobs.values():
            if getattr(job.command, "name", None) == name:
                match job.command:
                    case wire.PullModel():
                        return "stopping" if job.stopping else "pulling" if job.begun else "waiting"
                    case wire.VerifyModel():
                        return "verifying"
                    case wire.RemoveModel():
                        return "removing"
                    case _:
                        return "using"
        return ""

    def progress(self, name: str) -> Progress | None:
        return self._progress.get(name)

    def name_of(self, number: int) -> str:
        """The model that a job is about; empty for none."""
        job = self._jobs.get(number)
        return getattr(job.command, "name", "") if job is not None else ""

    @property
    def checking(self) -> bool:
        return self._busy_with(wire.CheckMachine)

    def uses(self, chosen: ModelSet) -> bool:
        """Whether the settings name this set already."""
        return all(
            (row := self.find(name)) is not None and self.chosen.get(purpose) == row.setting
            for name, purpose in _with_purposes(chosen, self)
        )

    # --- what can be asked for ---

    def refresh(self) -> None:
        if not self._busy_with(wire.ListModels):
            self._send(wire.ListModels())

    def pull(self, name: str) -> None:
        if not self.work_on(name):
            self._send(wire.PullModel(name))

    def fetch(self, source: str, purpose: Purpose) -> None:
        """A model that the list does not have, from an address."""
        self._asked[source] = purpose
        self.pull(source)

    def verify(self, name: str) -> None:
        if not self.work_on(name):
            self._send(wire.VerifyModel(name))

    def remove(self, name: str) -> None:
        if not self.work_on(name):
            self._send(wire.RemoveModel(name))

    def use(self, name: str, purpose: Purpose) -> None:
        if not self.work_on(name):
            self._send(wire.UseModel(name, purpose))

    def use_server(self, server: Server, purpose: Purpose) -> None:
        """A server elsewhere is allowed first; that the writer said yes is the caller's business."""
        steps: list[wire.AnyCommand] = [wire.UseModel(server.setting, purpose)]
        if not server.here:
            steps.insert(0, wire.AllowServer(server.place))
        self._follow(Plan(steps, _used(purpose, server.setting, self)))

    def use_set(self, chosen: ModelSet) -> None:
        """Fetch what is missing, then use all of it."""
        if self.plan is not None:
            return
        pairs = _with_purposes(chosen, self)
        missing = [name for name in dict.fromkeys(chosen.models) if (row := self.find(name)) and row.state != "ready"]
        steps: list[wire.AnyCommand] = [wire.PullModel(name) for name in missing]
        steps += [wire.UseModel(name, purpose) for name, purpose in pairs]
        plan = Plan(steps, text("The next article uses these models."), chosen.name, len(missing))
        self.plan = plan
        self._follow(plan)

    def cancel(self, name: str) -> None:
        """Give up fetching a model; what came is kept."""
        for number, job in list(self._jobs.items()):
            if job.command == wire.PullModel(name):
                self._cancel(number)

    def cancel_plan(self) -> None:
        if self.plan is not None:
            self.plan.steps.clear()
            self._cancel(self.plan.job)

    def check(self) -> None:
        if not self.checking:
            self._send(wire.CheckMachine())
            self.changed.emit()

    # --- what the engine answers ---

    def _listed(self, job: int, report: wire.ModelsListed) -> None:
        if job in self._jobs:
            self.rows, self.sets, self.disk, self.chosen = report.rows, report.sets, report.disk, report.chosen
            self.gain = report.gain
            self.changed.emit()

    def _pulling(self, job: int, report: wire.Pulling) -> None:
        known = self._jobs.get(job)
        if known is None:
            return
        progress = self._progress.setdefault(report.name, Progress())
        progress.done, progress.total = report.done, report.total
        if progress.begun < 0:
            progress.begun, progress.since = report.done, time.monotonic()
        if not known.begun:
            known.begun = True
            self.changed.emit()
        self.progressed.emit(report.name)

    def _verified(self, job: int, report: wire.Verified) -> None:
        if job not in self._jobs:
            return
        bad = sum(state != "ready" for state in report.files.values())
        title = self._title(report.name)
        if bad:
            self._damaged.add(report.name)
            sentence = plural(
                "{count} file of {title} is damaged. Press Mend to fetch it again.",
                "{count} files of {title} are damaged. Press Mend to fetch them again.",
                bad,
                title=title,
            )
        else:
            self._damaged.discard(report.name)
            sentence = text("Every file of {title} is as it should be.", title=title)
        self.told.emit(sentence)

    def _removed(self, job: int, report: wire.Removed) -> None:
        if job in self._jobs:
            freed = size(report.bytes / 1e6)
            self.told.emit(
                text("{title} was removed; {size} are free again.", title=self._title(report.name), size=freed)
            )

    def _checked(self, job: int, report: wire.Checked) -> None:
        if job in self._jobs:
            self.checked.emit(report.checks)

    def _done(self, number: int) -> None:
        job = self._take(number)
        if job is None:
            return
        match job.command:
            case wire.PullModel(name=name):
                self._damaged.discard(name)
                if job.plan is None:
                    self.told.emit(text("{title} is here. Press Use to work with it.", title=self._title(name)))
            case wire.RemoveModel(name=name):
                self._damaged.discard(name)
            case wire.UseModel(name=name, purpose=purpose) if job.plan is None and purpose is not None:
                self.told.emit(_used(purpose, name, self))
            case _:
                pass
        if job.plan is not None:
            self._follow(job.plan)
        self.changed.emit()

    def _stopped(self, number: int) -> None:
        job = self._take(number)
        if job is None:
            return
        self._give_up(job.plan)
        if isinstance(job.command, wire.PullModel):
            self.told.emit(text("Stopped. What came is kept, and fetching goes on there next time."))
        self.refresh()  # some of it is here now
        self.changed.emit()

    def _failed(self, number: int, report: wire.Failed) -> None:
        job = self._take(number)
        if job is None:
            return
        self._give_up(job.plan)
        self.failed.emit(report)
        if not isinstance(job.command, wire.ListModels):
            self.refresh()
        self.changed.emit()

    def _died(self, numbers: list[int], restarted: bool) -> None:
        jobs = [job for job in map(self._take, numbers) if job is not None]
        if not jobs:
            return
        self.plan = None
        if restarted:
            self.refresh()
        self.lost.emit()
        self.changed.emit()

    # --- jobs ---

    def _send(self, command: wire.AnyCommand, plan: Plan | None = None) -> None:
        number = self._client.send(command)
        self._jobs[number] = _Job(command, plan)
        if plan is not None:
            plan.job = number
        if not isinstance(command, wire.ListModels):
            self.begun.emit()
            self.changed.emit()

    def _take(self, number: int) -> _Job | None:
        job = self._jobs.pop(number, None)
        if job is not None and isinstance(job.command, wire.PullModel):
            self._progress.pop(job.command.name, None)
        return job

    def _follow(self, plan: Plan) -> None:
        if not plan.steps:
            self._give_up(plan)
            self.told.emit(plan.ending)
            return
        step = plan.steps.pop(0)
        plan.fetched += isinstance(step, wire.PullModel)
        self._send(step, plan)

    def _cancel(self, number: int) -> None:
        self._jobs[number].stopping = True
        # The article that is written beside it must not be lost because a network is slow to let go.
        self._client.cancel(number, patient=True)
        self.changed.emit()

    def _give_up(self, plan: Plan | None) -> None:
        if plan is not None and plan is self.plan:
            self.plan = None

    def _busy_with(self, kind: type[wire.Command]) -> bool:
        return any(isinstance(job.command, kind) for job in self._jobs.values())

    def _as_it_is(self, row: ModelRow) -> ModelRow:
        return replace(row, state="damaged") if row.name in self._damaged and row.state == "ready" else row

    def _title(self, name: str) -> str:
        row = self.find(name)
        return row.title if row is not None else name


def _with_purposes(chosen: ModelSet, shelf: Shelf) -> list[tuple[str, Purpose]]:
    """Models of a set with what each is for: by its row, or by its place where one model does two things."""
    if len(chosen.models) == len(PURPOSES):
        return list(zip(chosen.models, PURPOSES, strict=True))
    rows = [(name, row) for name in chosen.models if (row := shelf.find(name)) is not None]
    return [(name, row.purpose) for name, row in rows if row.purpose != "screens"]


def _used(purpose: Purpose, name: str, shelf: Shelf) -> str:
    row = shelf.find(name)
    title = row.title if row is not None else named(name, purpose).title
    if purpose == "writer":
        return text("The next article is written with {title}.", title=title)
    if purpose == "encoder":
        return text("The next article finds its pictures with {title}.", title=title)
    return text("The next article has its pictures judged by: {title}.", title=title)
