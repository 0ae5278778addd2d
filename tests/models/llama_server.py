"""llama.cpp's own server in a process of its own, on a free loopback port, behind a key made for the occasion."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

ROOT = Path(__file__).parents[2]


class Running(Struct, frozen=True):
    url: str
    """With /v1 at its end."""
    key: str
    pid: int


@contextlib.contextmanager
def llama_server(model: Path, eyes: Path | None = None, context: int = 2048, slots: int = 1) -> Iterator[Running]:
    """Start it; yields when it listens. It ends with the block, or when this process does."""
    key = secrets.token_urlsafe(24)
    command = [sys.executable, "-m", __name__, str(model), str(eyes or ""), str(context), str(slots)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, text=True,
        env={**os.environ, "PICTORIAL_TEST_KEY": key, "GOMP_SPINCOUNT": "2000"},
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            address = json.loads(process.stdout.readline() or "null")
            assert address, "llama.cpp did not start"
            yield Running(f"{address}/v1", key, process.pid)
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def serve(model: str, eyes: str, context: int, slots: int) -> None:
    """What the child does: listen until standard input ends."""
    import xllamacpp as native

    params: Any = native.CommonParams()
    params.model.path = model
    if eyes:
        params.mmproj.path = eyes
    params.n_ctx = context * slots
    params.n_batch = 64
    params.n_parallel = slots
    params.warmup = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    params.verbosity = -1
    params.use_jinja = True
    params.ui = False
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [os.environ["PICTORIAL_TEST_KEY"]]
    server: Any = native.Server(params)  # type: ignore[attr-defined] - the extension has no stubs
    sys.stdout.write(json.dumps(str(server.listening_address)) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # a model of random numbers has nothing to put away


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
