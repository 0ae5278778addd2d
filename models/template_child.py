"""The child's side of templates.py: renders chat templates in jinja2's sandbox, one line of JSON in, one out.

A template is a program of strangers. What it can reach is bounded here: no attributes of Python's insides, memory by
the system's limit, text by its length, time by an alarm (the parent keeps time as well). Run as a script, away from
every other module of the program.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from datetime import datetime
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

MEMORY = 1 << 30
"""Bytes of address space; Python and jinja2 take about 100 MB of it."""
LONGEST_STAMP = 64
"""Characters of a date's format."""


class TooLargeError(Exception):
    """The text grew beyond what any conversation needs."""


class _Generation(Extension):
    """`{% generation %}` marks, in some templates, what the model itself said; here it is only what is inside."""

    tags = {"generation"}  # noqa: RUF012 - the library's way

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Set up as model makers expect; reaching for Python's insides is an error, where jinja2 gives nothing."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation], cache_size=0
        )
        self.filters["tojson"] = _json
        self.globals.update(raise_exception=_refuse, strftime_now=_now)

    def unsafe_undefined(self, obj: object, attribute: str) -> Any:  # noqa: ANN401 - the library's signature
        raise SecurityError(f"it reaches for {attribute!r} of {type(obj).__name__!r}")

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - as above
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"it uses {operator}")
        if any(isinstance(side, int) and abs(side) > MEMORY for side in (left, right)):
            raise TooLargeError
        return super().call_binop(context, operator, left, right)


def _json(value: Any, ensure_ascii: bool = False, indent: int | None = None, **options: Any) -> str:  # noqa: ANN401
    known = {name: options.get(name) for name in ("separators", "sort_keys")}
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **known)  # type: ignore[arg-type] - a template's


def _refuse(words: object) -> None:
    raise TemplateError(str(words))


def _now(form: str) -> str:
    if len(form) > LONGEST_STAMP or any(mark.isdigit() for mark in form):
        raise SecurityError("it asks for a date of odd shape")
    return datetime.now().astimezone().strftime(form)


@lru_cache(maxsize=4)
def _compiled(template: str) -> Template:
    sandbox = _Sandbox()
    for node in sandbox.parse(template).find_all((nodes.Getattr, nodes.Const)):
        name = node.attr if isinstance(node, nodes.Getattr) else node.value  # type: ignore[union-attr] - the two kinds
        if isinstance(name, str) and name.startswith("__") and name.endswith("__") and name[2:-2].isidentifier():
            raise SecurityError(f"it reaches for {name!r}")  # said even where this conversation would not lead there
    return sandbox.from_string(template)


def rendered(template: str, values: dict[str, Any], longest: int) -> str:
    """The text that the template makes of `values`, at most `longest` characters."""
    parts: list[str] = []
    for part in _compiled(template).generate(**values):
        parts.append(part)
        longest -= len(part)
        if longest < 0:
            raise TooLargeError
    return "".join(parts)


def answer(asked: dict[str, Any]) -> dict[str, str]:
    """{"text"} or {"kind", "words"}: refused (by the template itself), unsafe, large, or wrong."""
    try:
        return {"text": rendered(asked["template"], asked["values"], asked["longest"])}
    except SecurityError as error:
        return {"kind": "unsafe", "words": str(error)}
    except TemplateSyntaxError as error:
        return {"kind": "wrong", "words": str(error)}
    except TemplateError as error:
        return {"kind": "refused", "words": str(error)}
    except (TooLargeError, MemoryError, OverflowError):
        return {"kind": "large", "words": ""}
    except RecursionError:
        return {"kind": "endless", "words": ""}
    except Exception as error:  # noqa: BLE001 - a template may raise whatever Python can
        return {"kind": "wrong", "words": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Answer line by line until stdin ends."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, asked["seconds"])
        said = json.dumps(answer(asked))
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        print(said, flush=True)


if __name__ == "__main__":
    main()
