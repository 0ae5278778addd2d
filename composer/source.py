"""Where the engine gets its models and its catalogue from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from composer.library.catalogue import Catalogue
from composer.pipeline import Tools
from composer.ports import ContentScreen, TextReader


class Source(Protocol):
    """Where the service gets its models from."""

    def catalogue(self) -> Catalogue: ...
    def tools(self) -> Tools: ...
    def reader(self) -> TextReader | None: ...
    def content_screen(self) -> ContentScreen | None: ...
    def problems(self) -> list[str]:
        """What is wrong with the indexes, a sentence each. Loads nothing."""
        ...

    def renew(self) -> None:
        """Free what was made; the next job's models are made from the settings as they are then."""
        ...

    def close(self) -> None: ...


class Maker(Protocol):
    """What `Late` makes: a source for one state of the settings."""

    def catalogue(self) -> Catalogue: ...
    def tools(self) -> Tools: ...
    def reader(self) -> TextReader | None: ...
    def content_screen(self) -> ContentScreen | None: ...
    def problems(self) -> list[str]: ...
    def close(self) -> None: ...


class Late:
    """A source that is made when it is first asked for something, and anew after `renew`.

    What is wrong with its settings is then the answer to a job, and the next job tries again.
    """

    def __init__(self, make: Callable[[], Maker]) -> None:
        self._make = make
        self._made: Maker | None = None
        self._making = threading.Lock()

    def catalogue(self) -> Catalogue:
        return self._source().catalogue()

    def tools(self) -> Tools:
        return self._source().tools()

    def reader(self) -> TextReader | None:
        return self._source().reader()

    def content_screen(self) -> ContentScreen | None:
        return self._source().content_screen()

    def problems(self) -> list[str]:
        return self._source().problems()

    def renew(self) -> None:
        with self._making:
            made, self._made = self._made, None
            if made is not None:
                made.close()

    def close(self) -> None:
        self.renew()

    def _source(self) -> Maker:
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made
