"""Joins the three rooms: the engine, the models and the window. No logic here."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

VERSION = "0.1.0"
HERE = Path(__file__).resolve().parent


def main() -> int:
    """The window without arguments (or with a project file alone), the terminal's verbs otherwise."""
    multiprocessing.freeze_support()
    arguments = sys.argv[1:]
    if not arguments or (len(arguments) == 1 and arguments[0].endswith(".pictorial")):
        return window(Path(arguments[0]).absolute() if arguments else None)
    if arguments == ["engine"]:
        return engine()
    from composer import cli
    from models.registry import Models
    from models.shelf import Shelf

    return cli.run(arguments, Models, Shelf, VERSION)


def window(project: Path | None) -> int:
    from ui.app import run

    return run([sys.executable, str(HERE / "main.py"), "engine"], project, demo_brief())


def engine() -> int:
    import os

    from composer import settings
    from composer.service import Service
    from composer.source import Late
    from models.registry import Models
    from models.shelf import Shelf

    # Reports go out on a copy of stdout; whatever a library prints goes to stderr and cannot break a line.
    reports = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    models, shelf = Late(lambda: Models(settings.load())), lambda: Shelf(settings.load())
    Service(models, shelf, sys.stdin.buffer, reports, VERSION).run()
    return 0


def demo_brief():  # noqa: ANN201 - the type would import msgspec before the window needs it
    import msgspec

    from composer.types import Brief

    brief = msgspec.json.decode((HERE / "demo" / "brief.json").read_bytes(), type=Brief)
    return msgspec.structs.replace(brief, libraries=(str(HERE / "demo" / "pictures"),))


if __name__ == "__main__":
    sys.exit(main())
