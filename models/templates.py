"""Chat templates, programs that come with a model: run under limits, and judged before anything else runs them.

They are rendered in jinja2's sandbox in a child process (`template_child.py`), because only a process can be stopped in
the middle of one long step and can be held to an amount of memory. One child serves all; it starts when first asked.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import subprocess
import sys
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from composer.errors import ModelNotReady

SECONDS = 3.0
"""For one rendering; a real template takes a millisecond."""
START_SECONDS = 60.0
"""For the child to start on a machine that is busy with other things."""
LONGEST = 1_000_000
"""Characters that a template may add to what is said in the conversation."""
OTHER = "Choose another model, or fetch this one again from its maker."
CHILD = Path(__file__).with_name("template_child.py")

NOTHING: dict[str, Any] = {"bos_token": "", "eos_token": "", "tools": None, "documents": None}
Messages = list[dict[str, Any]]
SAMPLES: tuple[Messages, ...] = (
    [{"role": "user", "content": "Tell of the harbour."}],
    [{"role": "system", "content": "You write articles."}, {"role": "user", "content": "Tell of the harbour."}],
    [
        {"role": "system", "content": "You write articles."},
        {"role": "user", "content": "港口的渔船 'and' \"quotes\" {{ braces }}"},
        {"role": "assistant", "content": "The boats leave before dawn."},
        {"role": "user", "content": "Go on."},
    ],
)


def render(
    template: str,
    messages: Messages,
    *,
    add_generation_prompt: bool = True,
    special: dict[str, str] | None = None,
    **values: Any,  # noqa: ANN401 - whatever templates know, such as enable_thinking=False
) -> str:
    """The conversation as the model wants to read it.

    `special` holds the tokens that templates name: bos_token, eos_token, unk_token, pad_token. Where the template knows
    no system role, its words stand at the beginning of the first user message.
    Raises ModelNotReady when the template is not safe, does not end, or cannot be used.
    """
    given = {**NOTHING, **(special or {}), **values, "add_generation_prompt": add_generation_prompt}
    said = _CHILD.ask(template, {**given, "messages": messages})
    if _lost(said, messages):
        said = _CHILD.ask(template, {**given, "messages": folded(messages)})
    if "text" not in said:
        raise _refusal(said["kind"], said["words"])
    return said["text"]


def judged(template: str, special: dict[str, str] | None = None) -> bool:
    """Run the template on conversations like ours; tells whether it knows a system role.

    Raises ModelNotReady as `render` does.
    """
    for messages in SAMPLES:
        for add_generation_prompt in (True, False):
            render(template, messages, add_generation_prompt=add_generation_prompt, special=special)
    given = {**NOTHING, **(special or {}), "add_generation_prompt": True}
    return not _lost(_CHILD.ask(template, {**given, "messages": SAMPLES[1]}), SAMPLES[1])


def folded(messages: Messages) -> Messages:
    """The same conversation without a system role: its words begin the first user message."""
    if not messages or messages[0]["role"] != "system":
        return messages
    system, rest = messages[0]["content"], messages[1:]
    if not rest or rest[0]["role"] != "user":
        return [{"role": "user", "content": system}, *rest]
    first = rest[0]["content"]
    if isinstance(system, str) and isinstance(first, str):
        return [{"role": "user", "content": f"{system}\n\n{first}"}, *rest[1:]]
    return [{"role": "user", "content": [*_parts(system), *_parts(first)]}, *rest[1:]]


def _parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A message's content as templates for words and pictures want it."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _lost(said: dict[str, str], messages: Messages) -> bool:
    """Whether the template refused the system's words, or passed over them in silence."""
    if not messages or messages[0]["role"] != "system":
        return False
    if said.get("kind") in {"refused", "wrong"}:
        return True
    words = [part.get("text", "").strip() for part in _parts(messages[0]["content"])]
    return "text" in said and any(each not in said["text"] for each in words)


def _refusal(kind: str, words: str) -> ModelNotReady:
    words = (words.strip().splitlines() or [""])[0][:200].rstrip(". ")
    sentence = {
        "unsafe": f"is not safe: {words}",
        "endless": "does not end",
        "large": "writes more and more, beyond what a conversation needs",
    }.get(kind, f"cannot be used ({words})")
    return ModelNotReady(f"The model's chat template {sentence}.", OTHER)


class _Child:
    """The process that renders. Killed when it takes too long; the next question starts another."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: SimpleQueue[str] = SimpleQueue()

    def ask(self, template: str, values: dict[str, Any]) -> dict[str, str]:
        longest = LONGEST + sum(len(each["content"]) for each in values["messages"])
        asked = {"template": template, "values": values, "longest": longest, "seconds": SECONDS}
        with self._lock:
            try:
                self._start()
                return json.loads(self._said(json.dumps(asked)))
            except Empty:
                self._end()
                return {"kind": "endless", "words": ""}
            except BaseException:
                self._end()
                raise

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._end()
        command = [sys.executable, "-I", str(CHILD)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._lines = SimpleQueue()
        Thread(target=_listen, args=(self._process, self._lines), name="templates", daemon=True).start()
        try:
            ready = self._lines.get(timeout=START_SECONDS)
        except Empty:
            ready = ""
        if not ready:
            raise ModelNotReady(
                "The process that reads chat templates did not start.", "Run `make setup`, or try again."
            )

    def _said(self, line: str) -> str:
        """The child's answer; Empty when none came in time, or the child ended over the question."""
        if self._process is None or self._process.stdin is None:
            raise Empty
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise Empty from error
        said = self._lines.get(timeout=SECONDS)
        if not said:
            raise Empty
        return said

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def close(self) -> None:
        with self._lock:
            self._end()


def _listen(process: subprocess.Popen[str], lines: SimpleQueue[str]) -> None:
    """Hand on each line that the child says; an empty one when it ended."""
    with contextlib.suppress(OSError, ValueError):
        for line in process.stdout or ():
            lines.put(line)
    lines.put("")


_CHILD = _Child()
atexit.register(_CHILD.close)
