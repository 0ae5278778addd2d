"""Messages as a model wants to read them: its own chat template, or plain text for one that only continues texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from composer.ports import Message
from models.templates import Messages, folded, render
from models.writers.thoughts import unthinking


class Conversation:
    """A model's way to read messages. `folder` and `tokenizer` are the model's."""

    def __init__(self, folder: Path, tokenizer: Any) -> None:  # noqa: ANN401 - transformers is untyped
        self.template = template_of(folder, tokenizer)
        names = ("bos_token", "eos_token", "unk_token", "pad_token")
        self._special = {name: str(word) for name in names if (word := getattr(tokenizer, name, None))}

    def text(self, messages: Sequence[Message]) -> str:
        """The prompt. Raises ModelNotReady when the template cannot be used or is not safe."""
        said: Messages = [{"role": message.role, "content": message.content} for message in messages]
        if not self.template:
            return "\n\n".join(message["content"] for message in said) + "\n\n"
        text = self._render(said)
        if said[-1]["content"].strip() not in text:  # a template for pictures and words wants lists of parts
            text = self._render(cast("Messages", [_in_parts(message) for message in folded(said)]))
        return unthinking(text, self.template)

    def _render(self, said: Messages) -> str:
        # Templates name the same wish differently; those that know neither ignore both.
        return render(self.template, said, special=self._special, enable_thinking=False, thinking=False)


def template_of(folder: Path, tokenizer: Any) -> str:  # noqa: ANN401 - as above
    """The tokenizer's template, the first or default one of several, or the one of the model's processor; or none."""
    found = tokenizer.chat_template
    if isinstance(found, dict):
        found = found.get("default") or next(iter(found.values()), None)
    if not found:
        try:
            beside = json.loads((folder / "chat_template.json").read_text("utf-8"))
            found = beside.get("chat_template") if isinstance(beside, dict) else None
        except (OSError, ValueError):
            found = None
    return found if isinstance(found, str) else ""


def _in_parts(message: dict[str, str]) -> dict[str, Any]:
    return {"role": message["role"], "content": [{"type": "text", "text": message["content"]}]}
