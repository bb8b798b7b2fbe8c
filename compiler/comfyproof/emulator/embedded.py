"""The emulator as a server that starts and stops within a program."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import WSCloseCode, web

from ..catalog.pinned import Catalog
from ..verdict import Files
from .editor import Editor
from .events import Hub
from .execution import Executor
from .failing import attach
from .faults import Fault
from .folders import Folders, Names
from .journal import Journal
from .models import ENDINGS, WEIGHTS, listing_of, with_files
from .parts import Parts
from .profiles import PROFILES
from .queue import Item, PromptQueue
from .routes import application
from .table import REAL
from .watching import Passage, Watch, outcome, refusals

SHUTDOWN_SECONDS = 10.0

_ABOUT_REAL = [
    "image, mask and sound nodes, and sizes",
    "text, sigmas and conditioning values",
    "video files",
    "queue, cache and events",
    "refusals",
    "metadata in saved files",
]
_ABOUT_STAND_INS = {
    "sampling": "a gentle change that grows with denoise; from an empty latent, an invented landscape",
    "video models": "a window that moves over an invented landscape, or over the picture to begin with",
    "upscale models": "Lanczos resampling by the factor in the model's name",
    "text encoders": "the text only serves as a key: another text gives another picture",
    "VAE": "lossless, apart from cropping to multiples of 8",
    "any other node": 'a value of the right type; pictures are labelled "stand-in"',
}

# For those who see the emulator only in passing; `describe` says it all.
BRIEFLY = (
    "On an emulator of ComfyUI 0.3.64: image nodes, sizes and metadata are real, no model runs.\n"
    "Stand-ins: a sampler changes the picture gently, an upscale model is a resampler, a prompt only a seed."
)


class Emulator:
    """A small ComfyUI in threads of this process, with its pictures under `folder`.

    `models` lists the model files that exist by folder; None takes any name with a fitting ending
    as present. `port` 0 takes a free one. `profile` is a version among `profiles.PROFILES`. `faults`
    happen on purpose. `watch` is told of prompts, in threads of the server. `editor` is the page at its URL.
    """

    def __init__(
        self,
        folder: Path,
        *,
        catalog: Catalog,
        models: Mapping[str, Sequence[str]] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        profile: str = "0.3.64",
        faults: Sequence[Fault] = (),
        watch: Watch | None = None,
        editor: Editor | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._folders = Folders(self.folder)
        self._names = Names(self._folders)
        self._catalog, self._models = catalog, models
        self._listing = listing_of(models, editor.models if editor else None)
        self._host, self._port = host, port
        self._profile = PROFILES[profile]
        if editor is not None:  # a newer one finds its queue and its pictures nowhere else
            self._profile = replace(self._profile, has_jobs=True)
        self._faults, self._watch, self._editor = faults, watch, editor
        self._started = threading.Event()
        self._problem: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._threads: list[threading.Thread] = []
        self._served: Catalog | None = None
        self._uploads: tuple[str, ...] = ()
        self.url = ""

    def start(self) -> str:
        """Starts the server and gives its URL. Raises OSError where the folder or the port cannot be had."""
        self._folders.create()
        if self._editor is not None:
            self._editor.settle(self._folders)
        self._started.clear()
        self._problem = None
        thread = threading.Thread(target=self._serve, name="comfyproof-emulator", daemon=True)
        self._threads = [thread]
        thread.start()
        self._started.wait()
        if self._problem is not None:
            thread.join()
            raise self._problem
        return self.url

    def stop(self) -> None:
        """Stops the server; a prompt that runs is interrupted. Does nothing where it does not run."""
        loop, ended = self._loop, self._ended
        if loop is not None and ended is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set)
        for thread in self._threads:
            thread.join(SHUTDOWN_SECONDS)
        self._threads, self._loop, self._ended = [], None, None

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def describe(self) -> str:
        """A few lines on what is real here and what is a stand-in."""
        lines = [
            f'An emulator of ComfyUI {self._profile.version}, with its files in "{self.folder}"; no model runs.',
            f"Real: {', '.join(_ABOUT_REAL)}.",
            f"Stand-ins: {', '.join(_ABOUT_STAND_INS)}; /system_stats says what for.",
        ]
        if self._editor is not None:
            lines.append(f"The page at its address is ComfyUI's own web editor {self._editor.version}.")
        if self._faults:
            lines.append(f"Faults on purpose: {', '.join(map(str, self._faults))}.")
        return "\n".join(lines)

    def _serve(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as problem:  # told to whoever waits in start()
            self._problem = problem
        finally:
            self._started.set()

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        self._loop, self._ended = loop, asyncio.Event()
        parts = self._parts(loop)
        runner = web.AppRunner(application(parts), access_log=None, logger=_silent(), shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host, self._port)
            await site.start()
            publisher = loop.create_task(parts.hub.publish())
            worker = threading.Thread(
                target=_work, args=(parts, self._watch), name="comfyproof-emulator-worker", daemon=True
            )
            worker.start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            self._started.set()
            await self._ended.wait()
            parts.queue.close()
            parts.executor.stopping.set()
            await asyncio.to_thread(worker.join, SHUTDOWN_SECONDS)
            await parts.hub.rest()
            publisher.cancel()
            goodbyes = (socket.close(code=WSCloseCode.GOING_AWAY) for socket in list(parts.hub.sockets.values()))
            await asyncio.gather(*goodbyes, return_exceptions=True)
        finally:
            await runner.cleanup()

    def _parts(self, loop: asyncio.AbstractEventLoop) -> Parts:
        hub = Hub(loop, states=self._profile.tells_states)
        queue = PromptQueue(lambda: hub.send("status", {"status": queue.status()}))
        known = self._listing if self._models is not None else None
        about = {
            "takes_any_file": self._models is None,
            "stand_ins": _ABOUT_STAND_INS,
            "real": _ABOUT_REAL,
            "real_nodes": sorted(REAL),
        }
        parts = Parts(
            hub=hub,
            queue=queue,
            executor=Executor(hub, self._catalog, self._folders, known),
            served=self._catalog_now,
            folders=self._folders,
            listing=self._listing,
            files=self._files,
            about=about,
            journal=Journal(hub),
            profile=self._profile,
            editor=self._editor,
        )
        if self._faults:
            attach(self._faults, parts)
        if self._watch is not None:
            parts.middlewares = (refusals(self._watch), *parts.middlewares)
        return parts

    def _catalog_now(self) -> Catalog:
        """The catalog with the files that exist now as options; the same object until there are others."""
        uploads = self._names["input"]
        if self._served is None or uploads is not self._uploads:
            self._uploads = uploads
            self._served = with_files(self._catalog, self._listing, uploads)
        return self._served

    def _files(self) -> Files:
        """The files that exist now."""
        if self._models is None:
            endings = {folder: ENDINGS.get(folder, WEIGHTS) for folder in self._listing}
            return Files(self._names, endings, closed=True)
        return Files(self._names, closed=True)


def _silent() -> logging.Logger:
    """A logger that says nothing: what a client sends wrong is answered, not printed."""
    logger = logging.Logger("comfyproof.emulator")
    logger.disabled = True
    return logger


def _work(parts: Parts, watch: Watch | None) -> None:
    """Runs prompts until the queue is closed."""
    while not parts.queue.closed:
        item = parts.queue.get()
        if parts.queue.take_free():
            parts.executor.forget()
        if item is None:
            continue
        begun = time.monotonic()
        if watch is not None:
            watch(Passage(item.id, len(item.prompt)))
        entry = _run(parts, item)
        parts.queue.done(entry if parts.ended is None else parts.ended(item, entry))
        parts.journal.write(f"Prompt executed in {time.monotonic() - begun:.2f} seconds")
        if parts.hub.client_id is not None:
            parts.hub.send("executing", {"node": None, "prompt_id": item.id}, parts.hub.client_id)
        if watch is not None:
            watch(Passage(item.id, len(item.prompt), time.monotonic() - begun, outcome(entry)))


def _run(parts: Parts, item: Item) -> dict[str, Any]:
    try:
        return parts.executor.run(item)
    except Exception as problem:  # one prompt must not end the worker for all others
        return parts.executor.failed(item, problem)


def serve(emulator: Emulator, started: Callable[[str], None]) -> None:
    """Runs an emulator in the foreground until SIGINT or SIGTERM; a second one ends the process at once.

    `started` is told its URL. Raises OSError.
    """
    ended = threading.Event()

    def end(sign: int, frame: object) -> None:
        signal.signal(sign, signal.SIG_DFL)
        ended.set()

    before = {sign: signal.signal(sign, end) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        with emulator:
            started(emulator.url)
            while not ended.wait(0.5):
                pass
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
