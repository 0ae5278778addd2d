"""Which models a server has and what the chosen one can do, read from the server itself.

OpenAI's API tells names only. llama.cpp, Ollama, LM Studio, vLLM and LMDeploy each tell more, each at a place of its
own; what none of them tells is assumed, and said to be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Literal

from msgspec import Struct

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel
from models.server import Server

Kind = Literal["llama.cpp", "ollama", "lm-studio", "vllm", "lmdeploy", "unknown"]

OWNERS: dict[str, Kind] = {
    "llamacpp": "llama.cpp",
    "library": "ollama",
    "organization_owner": "lm-studio",
    "vllm": "vllm",
    "lmdeploy": "lmdeploy",
}
"""What `owned_by` in a list of models gives away."""
ASSUMED_CONTEXT = 4096
"""Where the server does not tell. It is also what Ollama gives a model unless told otherwise, whatever that model could
hold: what does not fit is cut off there in silence, so it is never sent."""
_THINKS = re.compile(r"<think>|enable_thinking")


class Served(Struct, frozen=True, kw_only=True):
    """A model that a server offers."""

    name: str
    """What the setting names after the #."""
    kind: Kind
    context: int = 0
    """Tokens; 0 while unknown."""
    vision: bool | None = None
    """None: the server does not tell."""
    embeds: bool = False
    """It makes vectors, not words."""
    aliases: tuple[str, ...] = ()


class About(Struct, frozen=True, kw_only=True):
    """What the chosen model can do on its server."""

    kind: Kind
    model: str
    context: int
    told_context: bool
    """False: `context` is assumed."""
    vision: bool | None
    schema: bool
    """The server keeps answers to a JSON schema."""
    thinks: bool = False
    """It may think aloud before it answers."""

    @property
    def short(self) -> str:
        """The model's name without the folders that llama.cpp puts before it."""
        return PurePath(self.model.replace("\\", "/")).name if self.kind == "llama.cpp" else self.model


def models_of(url: str, allowed: Sequence[str] = (), cancel: Cancel | None = None) -> list[Served]:
    """The models that the server at `url` offers ("http://127.0.0.1:11434/v1"), those that embed included.

    Raises ModelNotReady when nothing answers there or the host is not allowed, ModelFailed when no list comes back.
    """
    server = Server(url, allowed)
    try:
        return listed(server, cancel)
    finally:
        server.close()


def listed(server: Server, cancel: Cancel | None = None) -> list[Served]:
    answer = server.get(f"{server.address.url}/models", cancel)
    rows = _list(answer, "data")
    if rows is None:
        raise server.refusals.nonsense()
    owners: list[Kind] = [OWNERS[owner] for row in rows if (owner := _text(row, "owned_by")) in OWNERS]
    kind = owners[0] if owners else _guessed(server, cancel)
    details = _of_lm_studio(server, cancel) if kind == "lm-studio" else {}
    return [_served(row, kind, details) for row in rows if _text(row, "id")]


def about(server: Server, cancel: Cancel | None = None) -> About:
    """What the server says of the model that its address names, or of the only one it has.

    Raises ModelNotReady, with the names there are, when the choice is not clear.
    """
    models = listed(server, cancel)
    wanted = server.address.model
    found = [model for model in models if _is(model, wanted)] if wanted else [m for m in models if not m.embeds]
    if len(found) != 1 and not (wanted and found):
        raise server.refusals.unknown_model([model.name for model in models if not model.embeds])
    model = found[0]
    if model.embeds:
        raise ModelNotReady(
            f"{model.name} makes vectors; it neither writes nor judges pictures.", "Choose a chat model of that server."
        )
    told = _ASKED[model.kind](server, model, cancel) if model.kind in _ASKED else {}
    vision, context = told.get("vision"), told.get("context") or model.context
    return About(
        kind=model.kind,
        model=model.name,
        context=context or ASSUMED_CONTEXT,
        told_context=bool(context),
        vision=model.vision if vision is None else vision,
        schema=model.kind != "unknown",
        thinks=bool(told.get("thinks")),
    )


class Counter:
    """Counts tokens: where the server has its tokenizer within reach exactly, otherwise by an estimate. Never fails."""

    def __init__(self, server: Server, about: About) -> None:
        self._server, self._about = server, about
        self.exact = about.kind in {"llama.cpp", "vllm", "lmdeploy"}
        """Whether counts are the model's own. An estimate takes four letters, or one letter of a script that is not
        Latin, for a token: more than most vocabularies need, so that what is estimated to fit, fits."""

    def count(self, text: str) -> int:
        if not text:
            return 0
        if self.exact:
            try:
                return self._asked(text)
            except (ModelFailed, ModelNotReady):
                self.exact = False  # asking again would cost as much time again
        return estimate(text)

    def _asked(self, text: str) -> int:
        url, base = self._server.address.root, self._server.address.url
        if self._about.kind == "llama.cpp":
            tokens = _list(self._server.post(f"{url}/tokenize", {"content": text}), "tokens")
            count = None if tokens is None else len(tokens)
        elif self._about.kind == "vllm":
            body = {"model": self._about.model, "prompt": text, "add_special_tokens": False}
            count = _whole(self._server.post(f"{url}/tokenize", body), "count")
        else:
            count = _whole(self._server.post(f"{base}/encode", {"input": text, "add_bos": False}), "length")
        if count is None:
            raise self._server.refusals.nonsense()
        return count


def estimate(text: str) -> int:
    """About how many tokens a text takes, for servers that do not count; see Counter.exact."""
    latin = sum(letter < "\u0250" for letter in text)
    return math.ceil(latin / 4) + len(text) - latin


# --- servers, one by one ---------------------------------------------------------------------------------------------


def _guessed(server: Server, cancel: Cancel | None) -> Kind:
    """By the places that only one of them has. Any server may be asked: these requests compute nothing."""
    root = server.address.root
    if _text(_asked(server, f"{root}/api/version", cancel), "version"):
        return "ollama"
    if _list(_asked(server, f"{root}/api/v0/models", cancel), "data") is not None:
        return "lm-studio"
    if _under(_asked(server, f"{root}/props", cancel), "default_generation_settings") is not None:
        return "llama.cpp"
    return "unknown"


def _served(row: Any, kind: Kind, details: dict[str, Any]) -> Served:  # noqa: ANN401 - whatever JSON holds
    name = _text(row, "id")
    more = details.get(name)
    modalities = _list(_under(row, "architecture"), "input_modalities")
    sort = _text(more, "type")
    return Served(
        name=name,
        kind=kind,
        context=_whole(row, "max_model_len")
        or _whole(_under(row, "meta"), "n_ctx")
        or _whole(more, "loaded_context_length")
        or 0,
        vision=sort == "vlm" if sort else None if modalities is None else "image" in modalities,
        embeds=sort == "embeddings" or "embed" in name.lower(),
        aliases=tuple(each for each in _list(row, "aliases") or () if isinstance(each, str)),
    )


def _of_llama(server: Server, model: Served, cancel: Cancel | None) -> dict[str, Any]:
    props = _asked(server, f"{server.address.root}/props", cancel)
    vision = _under(_under(props, "modalities"), "vision")
    return {
        "context": _whole(_under(props, "default_generation_settings"), "n_ctx") or model.context,
        "vision": vision if isinstance(vision, bool) else None,
        "thinks": bool(_THINKS.search(_text(props, "chat_template"))),
    }


def _of_ollama(server: Server, model: Served, cancel: Cancel | None) -> dict[str, Any]:
    """Ollama tells what a model was trained for; what it runs with stands in its file or in the list of what runs."""
    root = server.address.root
    try:
        shown = server.post(f"{root}/api/show", {"model": model.name}, cancel)
    except (ModelFailed, ModelNotReady):
        return {}
    can = _list(shown, "capabilities")
    own = re.search(r"^num_ctx\s+(\d+)", _text(shown, "parameters"), re.MULTILINE)
    running = _list(_asked(server, f"{root}/api/ps", cancel), "models") or []
    now = next((_whole(each, "context_length") for each in running if _text(each, "model") == model.name), None)
    trained = next((v for k, v in (_under(shown, "model_info") or {}).items() if k.endswith(".context_length")), 0)
    context = now or (int(own[1]) if own else 0)
    if not context and isinstance(trained, int) and 0 < trained < ASSUMED_CONTEXT:
        context = trained
    return {
        "context": context,
        "vision": None if can is None else "vision" in can,
        "thinks": can is not None and "thinking" in can,
    }


def _of_lm_studio(server: Server, cancel: Cancel | None) -> dict[str, Any]:
    rows = _list(_asked(server, f"{server.address.root}/api/v0/models", cancel), "data") or []
    return {_text(row, "id"): row for row in rows}


_ASKED = {"llama.cpp": _of_llama, "ollama": _of_ollama}


def _asked(server: Server, url: str, cancel: Cancel | None) -> Any:  # noqa: ANN401 - whatever JSON holds
    """What a place that may not exist holds; None when it does not."""
    try:
        return server.get(url, cancel)
    except (ModelFailed, ModelNotReady):
        return None


def _is(model: Served, wanted: str) -> bool:
    names = {model.name, *model.aliases}
    files = {PurePath(name.replace("\\", "/")).name for name in names} if model.kind == "llama.cpp" else set[str]()
    return wanted in names | files or f"{wanted}:latest" in names


# --- JSON that may hold anything -------------------------------------------------------------------------------------


def _under(value: Any, name: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    return value.get(name) if isinstance(value, dict) else None


def _text(value: Any, name: str) -> str:  # noqa: ANN401 - as above
    found = _under(value, name)
    return found if isinstance(found, str) else ""


def _whole(value: Any, name: str) -> int | None:  # noqa: ANN401 - as above
    found = _under(value, name)
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def _list(value: Any, name: str) -> list[Any] | None:  # noqa: ANN401 - as above
    found = _under(value, name)
    return found if isinstance(found, list) else None
