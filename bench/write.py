"""What the program costs beside the bare engine when it writes, and what a shared prefix saves.

`python bench/write.py [--quick] [--json] [--seconds N]`. `--quick` uses the tiny writer (under 60 seconds), otherwise
the standard one if it is there. `--switch` measures memory alone.

Rate. `composer.stages.write` writes an article through `LlamaWriter`, in passages as long as the program asks of that
writer. Each time one of its requests has ended, the stage's clock stands still while a bare `xllamacpp.Server` of its
own (same file, threads and context, no store of older prompts, otherwise the library's settings) is given the same
messages with the same sampling and made to write exactly as many tokens, the cache of the prefix in use on both sides;
so the two take turns request by request and drift of the machine cancels. Rate = tokens written / seconds, prompt
reading included on both sides. The stage's seconds hold all that it does: prompts, streaming through the thread and the
queue, cleaning the text at each token, checking for repetitions, waiting for the end of an answer that it broke off
(one or two tokens, which weigh more the shorter the passages are). `ratio_to_bare` is the median over the requests of
bare seconds / our seconds; on a machine that is busy with other things `--quick` gets few requests and is rough.

Prefix. Seconds to the first token of a second section's prompt whose beginning (system text, title, a page of notes,
list of sections: all but the section's own request) the first section left in memory, over the same prompt computed
fresh; median of the pairs. It depends on how long the notes are; here they are about 700 words.

Switch. A process of its own holds a writer and has it write; then another (the standard one, or the same again with
`--quick` or where there is no other); then the first again. `rss_after_switch_ratio` = resident memory at the end / the
first time: 1.0 when a writer that is closed leaves nothing behind.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import xllamacpp

from composer.errors import ModelNotReady
from composer.ports import Cancel, Capabilities, Piece, Prompt
from composer.stages.write import write
from composer.types import Brief, Outline, Section
from models import store
from models.llama_server import physical_cores
from models.writers.llama import CONTEXT, LlamaWriter

SECTIONS = ("The harbour", "The old town", "The castle on the hill", "The windmills", "The market", "The way home")
NOTES = " ".join(
    f"Stop {number}: walk from house number {number * 7} to the bridge, look at the roofs and the boats, talk with the "
    f"people who mend nets there, and note what the light does on the water at that hour of the day."
    for number in range(1, 17)
)


class Bare:
    """xllamacpp by itself, as its documentation shows it."""

    def __init__(self, file: Path) -> None:
        params = xllamacpp.CommonParams()  # type: ignore[attr-defined] - no stubs
        params.model.path = str(file)
        params.n_ctx = CONTEXT
        params.n_parallel = 1
        params.verbosity = -1
        params.use_jinja = True
        params.cache_ram_mib = 0  # as ours: its store of older prompts costs copies and would gain nothing here
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = physical_cores()
        params.api_keys = ["bench"]
        params.hostnames, params.port = ["127.0.0.1"], 0
        self.server: Any = xllamacpp.Server(params)  # type: ignore[attr-defined] - no stubs

    def seconds(self, prompt: Prompt, tokens: int) -> float:
        """How long the same answer takes, of exactly that many tokens."""
        last: list[dict[str, Any]] = [{}]
        request = {
            "messages": [{"role": each.role, "content": each.content} for each in prompt.messages],
            "max_tokens": tokens, "ignore_eos": True, "temperature": prompt.temperature, "seed": prompt.seed,
            "stream": True, "top_p": 0.95, "min_p": 0.05, "repeat_penalty": 1.05,
        }  # fmt: skip

        def on_chunk(chunk: dict[str, Any]) -> bool:
            last[0] = chunk
            return False

        start = time.perf_counter()
        self.server.handle_chat_completions(request, on_chunk)
        taken = time.perf_counter() - start
        written = last[0]["timings"]["predicted_n"]
        assert written == tokens, f"the bare engine wrote {written} tokens instead of {tokens}"
        return taken


@dataclass
class Paired:
    """The program's writer; after each of its answers the bare engine has its turn, off the stage's clock."""

    inner: LlamaWriter
    bare: Bare
    tokens: list[int] = field(default_factory=list[int])
    ours: list[float] = field(default_factory=list[float])
    bares: list[float] = field(default_factory=list[float])
    mark: float = 0.0

    @property
    def id(self) -> str:
        return self.inner.id

    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
        if self.ours:
            self.ours[-1] += time.perf_counter() - self.mark  # what the stage did with the answer before
            self.mark = time.perf_counter()
        count = 0
        stream = self.inner.generate(prompt, cancel)
        try:
            for piece in stream:
                count += piece.tokens
                yield piece
        finally:
            stream.close()  # type: ignore[attr-defined] - a generator
            self.inner.count_tokens("wait")  # until an answer that was broken off has ended
            self.ours.append(time.perf_counter() - self.mark)
            self.tokens.append(count)
            self.bares.append(self.bare.seconds(prompt, max(1, count)))
            self.mark = time.perf_counter()

    def count_tokens(self, text: str) -> int:
        return self.inner.count_tokens(text)

    def close(self) -> None:
        self.inner.close()


def outline_of(topic: str) -> Outline:
    return Outline(topic, tuple(Section(each, (f"what one sees: {each.lower()}",)) for each in SECTIONS))


def measure_rate(writer: LlamaWriter, bare: Bare, longest: int, seconds: float) -> Paired:
    """Articles, with another seed each, until the time is up; the first requests warm both.

    `longest`: words of a passage, as the program asks of this writer.
    """
    paired = Paired(writer, bare)
    begun, seed = time.perf_counter(), 0
    while seed == 0 or time.perf_counter() - begun < seconds:
        seed += 1
        brief = Brief(topic="A walk through a town by the sea", length=longest * len(SECTIONS), seed=seed)
        paired.mark = time.perf_counter()
        for _ in write(brief, outline_of(brief.topic), None, longest, paired, Cancel()):
            if time.perf_counter() - begun > seconds:
                break
    return paired


def section_prompts() -> tuple[Prompt, Prompt]:
    """What the stage asks for the first and the second section of an article with a page of notes."""

    class Asked(Exception):
        pass

    found: list[Prompt] = []

    class Listener:
        id, capabilities = "listener", Capabilities(context=CONTEXT, languages=("en",))

        def generate(self, prompt: Prompt, cancel: Cancel) -> Iterator[Piece]:
            cancel.check()
            found.append(prompt)
            if len(found) > 2:
                raise Asked
            yield Piece(
                "The boats lie still at night. " * 3 + f"Section {len(found)} tells of nets and of roofs. " * 8, 1
            )

        def count_tokens(self, text: str) -> int:
            return len(text)

        def close(self) -> None: ...

    brief = Brief(topic="A walk through a town by the sea", notes=NOTES, length=400)
    try:
        for _ in write(brief, outline_of(brief.topic), None, 90, Listener(), Cancel()):
            pass
    except Asked:
        pass
    second = next(each for each in found if SECTIONS[1] in each.messages[-1].content)
    return found[0], second


def first_token(writer: LlamaWriter, prompt: Prompt, *, fresh: bool) -> float:
    from msgspec.structs import replace

    start = time.perf_counter()
    stream = writer.generate(replace(prompt, fresh=fresh), Cancel())
    next(stream)
    taken = time.perf_counter() - start
    stream.close()  # type: ignore[attr-defined] - a generator
    writer.count_tokens("wait")
    return taken


def measure_prefix(writer: LlamaWriter, seconds: float) -> tuple[list[float], list[float]]:
    """Seconds to the first token: on the prefix that the first section left, and cold, taking turns."""
    one, two = section_prompts()
    cached: list[float] = []
    cold: list[float] = []
    begun = time.perf_counter()
    while len(cold) < 2 or (len(cold) < 9 and time.perf_counter() - begun < seconds):
        first_token(writer, one, fresh=True)
        cached.append(first_token(writer, two, fresh=False))
        cold.append(first_token(writer, two, fresh=True))
    return cached, cold


def resident() -> int:
    """Bytes of this process in memory."""
    import psutil

    return psutil.Process().memory_info().rss


def held_by(name: str, file: Path) -> int:
    """Resident memory while a writer is held that has just written."""
    from composer.ports import Message

    writer = LlamaWriter(file, model_id=name)
    asked = Prompt(messages=(Message("user", "Tell of a harbour."),), max_tokens=16, fresh=True)
    for _ in writer.generate(asked, Cancel()):
        pass
    held = resident()
    writer.close()
    return held


def measure_switch(*, quick: bool) -> float:
    first, other = chosen(quick=True), chosen(quick=quick)
    held_by(*first)  # what libraries set up once is not the model's memory
    before = held_by(*first)
    held_by(*other)
    return held_by(*first) / before


def switched(*, quick: bool) -> float:
    """`measure_switch` in a process that has done nothing else."""
    command = [sys.executable, __file__, "--switch", *(["--quick"] if quick else [])]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def chosen(*, quick: bool) -> tuple[str, Path]:
    for name in ("starter-writer-tiny",) if quick else ("starter-writer", "starter-writer-tiny"):
        model = store.find(name)
        try:
            return name, store.ready(model) / model.files[0].name
        except ModelNotReady:
            continue
    raise SystemExit("The starter models are not here: run `make setup` first.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under 50 seconds, with the tiny writer")
    parser.add_argument("--json", action="store_true", help="one JSON line and nothing else on stdout")
    parser.add_argument("--switch", action="store_true", help="only the memory after a switch of writers, as a ratio")
    parser.add_argument("--seconds", type=float, default=0.0, help="for the rate; 13 with --quick, else 180")
    options = parser.parse_args()
    if options.switch:
        print(measure_switch(quick=options.quick))
        return
    memory = switched(quick=options.quick)
    name, file = chosen(quick=options.quick)
    longest = store.find(name).longest_passage["en"]
    writer = LlamaWriter(file, model_id=name)
    bare = Bare(file)
    paired = measure_rate(writer, bare, longest, options.seconds or (13.0 if options.quick else 180.0))
    cached, cold = measure_prefix(writer, 6.0 if options.quick else 120.0)
    writer.close()
    # The first request of either side reads pages of the file that the other then finds in memory.
    tokens, ours, bares = paired.tokens[1:], paired.ours[1:], paired.bares[1:]
    ratio = statistics.median(theirs / own for own, theirs in zip(ours, bares, strict=True))
    prefix = statistics.median(short / long for short, long in zip(cached, cold, strict=True))
    if options.json:
        figures = {"ratio_to_bare": ratio, "shared_prefix_ratio": prefix, "rss_after_switch_ratio": memory}
        print(json.dumps({key: round(value, 4) for key, value in figures.items()}))
        return
    print(f"{name}: {len(tokens)} requests, {sum(tokens)} tokens")
    print(f"{'the program, tokens/s':<44} {sum(tokens) / sum(ours):8.2f}")
    print(f"{'bare xllamacpp, tokens/s':<44} {sum(tokens) / sum(bares):8.2f}")
    print(f"{'ratio of the sums':<44} {sum(bares) / sum(ours):8.3f}")
    print(f"{'ratio_to_bare (median of the pairs)':<44} {ratio:8.3f}")
    print(f"{'first token on a shared prefix, s':<44} {statistics.median(cached):8.3f}")
    print(f"{'first token, cold, s':<44} {statistics.median(cold):8.3f}")
    print(f"{'shared_prefix_ratio (second prompt / cold)':<44} {prefix:8.4f}")
    print(f"{'rss_after_switch_ratio':<44} {memory:8.4f}")


if __name__ == "__main__":
    main()
