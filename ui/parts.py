"""What lives longer than one window."""

from __future__ import annotations

from dataclasses import dataclass

from ui.composing import Composing
from ui.engine_client import EngineClient
from ui.images import ImageLoader
from ui.library_model import Library
from ui.session import Session
from ui.shelf import Shelf


@dataclass(frozen=True)
class Parts:
    """A window can be made again, in another language, around the same article and the same library."""

    client: EngineClient
    session: Session
    composing: Composing
    images: ImageLoader
    shelf: Shelf
    library: Library
    thumbnails: ImageLoader
