"""ComfyUI's web editor in a real browser: what it makes of a workflow, what it complains of, and its Run button."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, sync_playwright

TIMEOUT = 60_000  # ms
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TITLE_BAR = 30  # above a node's position

# It begins with a graph of its own, and opens what `serve` was given after that.
_OPENED = """() => {
  const list = window.app?.extensionManager?.workflow;
  return list?.activeWorkflow?.isPersisted && list.openWorkflows.length == 1;
}"""
# What it reports goes by in a moment, so it is noted as it comes.
_LISTEN = """() => {
  window.told = [];
  window.heard = [];
  const toast = app.extensionManager.toast;
  for (const name of ["add", "addAlert"]) {
    const tell = toast[name].bind(toast);
    toast[name] = message => { window.told.push(JSON.stringify(message)); return tell(message); };
  }
  for (const event of ["progress", "b_preview", "executed", "execution_success", "execution_error"])
    app.api.addEventListener(event, () => window.heard.push(event));
}"""
_LOAD = """async ui => {
  window.told.length = 0;
  await app.loadGraphData(ui);
  const prompt = (await app.graphToPrompt()).output;
  await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const boxes = app.graph.nodes.map(node => [String(node.id), ...node.pos, ...node.size]);
  const dialogs = [...document.querySelectorAll(".p-dialog, [role=dialog], .comfy-modal")]
    .filter(each => each.checkVisibility()).map(each => each.innerText);
  const reddened = app.graph.nodes.filter(node => node.has_errors).map(node => String(node.id));
  return {prompt: JSON.parse(JSON.stringify(prompt)), boxes, told: [...window.told, ...dialogs, ...reddened]};
}"""


@dataclass(frozen=True)
class Loaded:
    """What the editor made of a workflow: what it would send, where its nodes stand, and what it complained of."""

    prompt: dict[str, Any]
    boxes: list[list[Any]]
    complaints: list[str]

    def overlaps(self) -> list[tuple[str, str]]:
        """The pairs of nodes of which one lies on the other, title bars and all."""
        found = []
        for n, (one, x, y, width, height) in enumerate(self.boxes):
            for other, x2, y2, width2, height2 in self.boxes[:n]:
                beside = x + width <= x2 or x2 + width2 <= x
                if not beside and y - TITLE_BAR < y2 + height2 and y2 - TITLE_BAR < y + height:
                    found.append((other, one))
        return found


class EditorPage:
    """The editor at an address, in one page of a browser."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self._url = page, url
        self._said: list[str] = []
        page.on("pageerror", lambda error: self._said.append(str(error)))
        page.on("console", lambda line: self._said.append(line.text) if line.type == "error" else None)
        page.route(lambda asked: not asked.startswith((url, "blob:", "data:")), lambda route: route.abort())
        page.goto(url, timeout=TIMEOUT)
        page.wait_for_function(_OPENED, timeout=TIMEOUT)
        page.evaluate(_LISTEN)

    def load(self, ui: dict[str, Any]) -> Loaded:
        """Opens a workflow, as if its file were dropped on the page."""
        self._said.clear()
        made = self.page.evaluate(_LOAD, ui)
        # A file that is not there is the browser's complaint, and one that the editor itself gets over.
        said = [line for line in self._said if not line.startswith("Failed to load resource")]
        return Loaded(made["prompt"], made["boxes"], [*made["told"], *said])

    @contextmanager
    def another(self) -> Iterator[EditorPage]:
        """The same editor in a tab of its own, for what would leave something behind."""
        browser = self.page.context.browser
        assert browser is not None
        page = browser.new_page()
        try:
            yield EditorPage(page, self._url)
        finally:
            page.close()

    def until(self, condition: str) -> Any:
        """Waits until an expression is true in the page, and gives its value."""
        return self.page.wait_for_function(condition, timeout=TIMEOUT).json_value()

    def press_run(self) -> None:
        """Presses the Run button."""
        self.page.get_by_role("button", name="Run", exact=True).first.click()

    def look(self, script: str) -> Any:
        """The value of an expression in the page."""
        return self.page.evaluate(script)


def browser() -> str | None:
    """Where this machine has a browser, if it has one."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


@contextmanager
def opened(url: str, width: int = 1600, height: int = 900) -> Iterator[EditorPage]:
    """The editor at an address, open in a browser of its own."""
    with sync_playwright() as playwright:
        # Chromium refuses to be confined when root starts it.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = browser()
        assert found is not None, "there is no Chromium on this machine"
        started = playwright.chromium.launch(executable_path=found, args=arguments)
        try:
            yield EditorPage(started.new_page(viewport={"width": width, "height": height}), url)
        finally:
            started.close()
