"""The verb that says why the places of a saved article have their pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from composer import project, wording
from composer.cli_common import AsJson, print_json
from composer.errors import ProjectError
from composer.explanation import explain
from composer.grounds import Explanation
from composer.types import Composition, Language


def why_verb(
    source: Annotated[Path, typer.Argument(help="A saved project.", metavar="FILE")],
    slot: Annotated[str, typer.Argument(help="A place: its number in the article, or its id; all if not given.")] = "",
    language: Annotated[str, typer.Option(help="en or zh; the article's if not given.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say why a saved article has its pictures: what was measured, what came next, what would have changed it."""
    if language not in {"", "en", "zh"}:
        raise typer.BadParameter(f"{language} is not a language that Pictorial speaks; choose en or zh.")
    composition = project.open_project(source)
    spoken: Language = "zh" if (language or composition.brief.language) == "zh" else "en"
    found = [explain(composition, place) for place in _places(composition, slot)]
    if as_json:
        print_json([{"explanation": each, "sentences": wording.sentences(each, spoken)} for each in found])
    else:
        sys.stdout.write("\n".join(_said(each, spoken) for each in found))


def _places(composition: Composition, wanted: str) -> list[str]:
    """Ids of the places asked for. Raises ProjectError when there is none such."""
    ids = [slot.id for slot in composition.slots or ()]
    if not ids:
        raise ProjectError("The article has no places for pictures.", "Compose it with a picture folder first.")
    if not wanted:
        return ids
    if wanted in ids:
        return [wanted]
    if wanted.isdecimal() and 1 <= int(wanted) <= len(ids):
        return [ids[int(wanted) - 1]]
    raise ProjectError(f"There is no place {wanted} in this article.", f"Choose a number from 1 to {len(ids)}.")


def _said(explanation: Explanation, language: Language) -> str:
    lines = [wording.title(explanation, language), *wording.sentences(explanation, language)]
    return "".join(f"{line}\n" if not at else f"  {line}\n" for at, line in enumerate(lines))
