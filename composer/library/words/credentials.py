"""Content credentials (C2PA specification 2.2) in picture files: who signed, with what tool, and how it was made.

Read with c2pa-python, which is optional: without it no picture shows credentials. Nothing is fetched: manifests that
lie on a server are not there for us, revocation is not asked for, and no list of trusted signers is consulted. What
is told is whether the file is as it was signed, by whomever.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module, util
from io import BufferedReader
from typing import Any

import msgspec
from msgspec import Struct

from composer.collection import Credential
from composer.library.decoding.quality import UnusablePicture, open_file

_SETTINGS: dict[str, dict[str, object]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "core": {"allowed_network_hosts": []},
}
_GENERATED = (
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "algorithmicMedia",
    "compositeSynthetic",
)
"""Digital source types (IPTC NewsCodes) of what a machine made, in whole or in part."""
_UNTRUSTED = "signingCredential.untrusted"
"""Said of every signer, because no list of trusted ones is consulted."""
_HEAD = 1 << 20
_LONGEST, _MOST = 200, 50
_log = logging.getLogger(__name__)


def available() -> bool:
    """Whether credentials can be read on this machine."""
    return util.find_spec("c2pa") is not None


def read(path: str | os.PathLike[str]) -> Credential | None:
    """The credentials in the file; None when it has none, cannot be opened, or nothing here can read them.

    Never raises. Reads the whole file, which may take a second. Credentials that are there and damaged are not valid,
    and `problem` says why.
    """
    try:
        if available():
            with open_file(path) as file:
                return _read(file)
    except UnusablePicture:
        return None
    except Exception as error:  # noqa: BLE001 - whatever a strange file makes of the reader, the picture is still shown
        _log.info("Content credentials of %s could not be read: %s", path, error)
    return None


def _read(file: BufferedReader) -> Credential | None:
    kind = _kind(file.read(32))
    if not kind:
        return None
    c2pa: Any = import_module("c2pa")
    file.seek(0)
    with c2pa.Context(c2pa.Settings.from_dict(_SETTINGS)) as context:
        try:
            reader = c2pa.Reader.try_create(kind, file, context=context)
        except c2pa.C2paError as error:
            return _damaged(file, str(error))
        if reader is None:
            return None
        with reader:
            return _credential(msgspec.json.decode(reader.json(), type=_Store))


def _damaged(file: BufferedReader, error: str) -> Credential | None:
    """Files without credentials may be broken in other ways, and credentials on a server are none here."""
    file.seek(0)
    there = b"c2pa" in file.read(_HEAD) and not error.startswith("Remote")
    return Credential(valid=False, problem=error[:_LONGEST]) if there else None


def _kind(head: bytes) -> str:
    """The type of the file by its first bytes; names lie."""
    if head[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:4] in {b"II*\0", b"MM\0*"}:
        return "image/tiff"
    if head[:3] == b"GIF":
        return "image/gif"
    if head[4:8] == b"ftyp":
        return "image/avif" if b"avif" in head or b"avis" in head else "image/heic"
    return ""


class _Action(Struct, frozen=True, rename="camel"):
    action: str = ""
    digital_source_type: str = ""
    when: str = ""


class _Actions(Struct, frozen=True):
    actions: tuple[_Action, ...] = ()


class _Assertion(Struct, frozen=True):
    label: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Generator(Struct, frozen=True):
    name: str = ""
    version: str | None = None


class _Signature(Struct, frozen=True):
    issuer: str = ""
    common_name: str = ""
    time: str | None = None


class _Manifest(Struct, frozen=True):
    claim_generator: str = ""
    claim_generator_info: tuple[_Generator, ...] = ()
    assertions: tuple[_Assertion, ...] = ()
    signature_info: _Signature = _Signature()


class _Status(Struct, frozen=True):
    code: str = ""
    explanation: str | None = None


class _Store(Struct, frozen=True):
    """The parts that are used of what the reader tells."""

    active_manifest: str | None = None
    manifests: dict[str, _Manifest] = {}
    validation_status: tuple[_Status, ...] = ()
    validation_state: str = ""


def _credential(store: _Store) -> Credential | None:
    active = store.manifests.get(store.active_manifest or "")
    if active is None:
        return None
    problem = next((each for each in store.validation_status if each.code != _UNTRUSTED), _Status())
    when = next((each.when for each in _actions(active) if each.when), "")
    done = (each.action.removeprefix("c2pa.") for each in _actions(active))
    return Credential(
        valid=store.validation_state in {"Valid", "Trusted"},
        signer=_short(active.signature_info.issuer or active.signature_info.common_name),
        tool=_tool(active),
        made=_short(active.signature_info.time or when),
        generated=any(_is_generated(action) for each in store.manifests.values() for action in _actions(each)),
        actions=tuple(dict.fromkeys(_short(action) for action in done if action))[:_MOST],
        problem=_short(problem.explanation or problem.code),
    )


def _tool(manifest: _Manifest) -> str:
    told = next(iter(manifest.claim_generator_info), _Generator())
    return _short(f"{told.name} {told.version or ''}".strip() or manifest.claim_generator)


def _actions(manifest: _Manifest) -> Iterator[_Action]:
    for assertion in manifest.assertions:
        if assertion.label.startswith("c2pa.actions"):
            with suppress(msgspec.DecodeError):  # an odd assertion does not make the rest unreadable
                yield from msgspec.json.decode(assertion.data, type=_Actions).actions


def _is_generated(action: _Action) -> bool:
    return action.digital_source_type.rpartition("/")[2] in _GENERATED


def _short(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
