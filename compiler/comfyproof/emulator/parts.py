"""What the routes work on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiohttp import web

from ..catalog.pinned import Catalog
from ..verdict import Files
from .editor import Editor
from .events import Hub
from .execution import Executor
from .folders import Folders
from .journal import Journal
from .profiles import USUAL, Profile
from .queue import Item, PromptQueue
from .submit import Counter

MAX_BODY = 100 * 2**20

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Route: TypeAlias = tuple[str, str, Handler]


@dataclass
class Parts:
    """What the routes work on.

    `submitted` may change a submission's body, `ended` what is kept of a finished prompt: nothing, where it gives None.
    """

    hub: Hub
    queue: PromptQueue
    executor: Executor
    served: Callable[[], Catalog]
    folders: Folders
    listing: Mapping[str, Any]
    files: Callable[[], Files]
    about: Mapping[str, Any]
    journal: Journal
    profile: Profile = USUAL
    editor: Editor | None = None
    counter: Counter = field(default_factory=Counter)
    middlewares: tuple[Any, ...] = ()
    submitted: Callable[[bytes], bytes] | None = None
    ended: Callable[[Item, dict[str, Any]], dict[str, Any] | None] | None = None
