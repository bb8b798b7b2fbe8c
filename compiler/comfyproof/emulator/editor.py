"""ComfyUI's own web editor, where the package that it comes in is installed, and what it is to show."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .folders import Folders, write_whole

PACKAGE = "comfyui_frontend_package"
SCRIPT = "/extensions/comfyproof/open.js"
_TEMPLATES = "comfyui_workflow_templates"
_USER = ("user", "default")
# Else it covers everything with a choice of workflows to start from, at the first visit.
_SETTINGS = {"Comfy.TutorialCompleted": True}

_SCRIPT = """\
import { app } from "../../scripts/app.js";

const name = NAME, session = SESSION, key = "comfyproof.opened";
let opened = name === null || sessionStorage.getItem(key) === session;

app.registerExtension({
  name: "comfyproof.open",
  afterConfigureGraph() {  // of the graph that the editor begins with
    if (opened) return;
    opened = true;
    sessionStorage.setItem(key, session);
    setTimeout(open);
  },
});

async function open() {
  const list = app.extensionManager.workflow;
  for (let n = 0; n < 250 && !list.activeWorkflow; n++)  // it is still at work on that graph
    await new Promise(later => setTimeout(later, 20));
  const begun = list.activeWorkflow;
  const answer = await fetch("/api/userdata/" + encodeURIComponent(`workflows/${name}.json`));
  if (!answer.ok) return;
  await app.loadGraphData(await answer.json(), true, true, name);
  if (begun?.isTemporary && !begun.isModified) await list.closeWorkflow(begun);
}
"""


@dataclass(frozen=True)
class Editor:
    """An editor's version and files, and what it is to show.

    `templates` are workflows to start from, where their package is installed too. `workflows` are UI JSON by name, for
    its list of saved ones; it opens the first. `models` are the files that those name, by folder.
    """

    version: str
    files: Path
    templates: Path | None = None
    workflows: Mapping[str, bytes] = field(default_factory=dict)
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)
    session: str = field(default_factory=lambda: uuid.uuid4().hex)

    def settle(self, folders: Folders) -> None:
        """Puts in place what it looks for in its user's folder. Raises OSError."""
        saved = folders.inside(*_USER, "workflows")
        for folder in (saved, folders.inside(*_USER, "subgraphs")):
            folder.mkdir(parents=True, exist_ok=True)
        settings = folders.inside(*_USER, "comfy.settings.json")
        if not settings.exists():
            write_whole(settings, json.dumps(_SETTINGS, indent=4).encode())
        for name, text in self.workflows.items():
            write_whole(saved / f"{name}.json", text)

    def script(self) -> str:
        """What opens the first workflow in it, once for each tab of a browser: coming back, it has its own memory."""
        name = next(iter(self.workflows), None)
        return _SCRIPT.replace("NAME", json.dumps(name)).replace("SESSION", json.dumps(self.session))


def installed_editor() -> Editor | None:
    """The editor of this Python environment; None where its package is not installed."""
    files = _folder(PACKAGE, "static")
    if files is None or not (files / "index.html").is_file():
        return None
    return Editor(_version(), files, _folder(_TEMPLATES, "templates"))


def _folder(package: str, name: str) -> Path | None:
    """A folder of an installed package. Nothing of the package is run."""
    found = importlib.util.find_spec(package)
    places = found.submodule_search_locations if found else None
    folders = (Path(place, name).resolve() for place in places or ())
    return next((folder for folder in folders if folder.is_dir()), None)


def _version() -> str:
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
