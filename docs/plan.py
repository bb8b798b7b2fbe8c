"""Takes docs/pictures/plan.png: our main pipeline on a card of 12 GiB, as `comfyproof plan --html` shows it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from editor_page import browser  # noqa: E402

SPEC = "specs/production_upscale_enhance.yaml"
GPU = "rtx-3060"
PICTURE = ROOT / "docs" / "pictures" / "plan.png"
WIDTH, HEIGHT, SHARP = 1280, 800, 1.5


def main() -> None:
    """Takes the picture."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "plan.html"
        command = [sys.executable, "-m", "comfyproof", "plan", SPEC, "--gpu", GPU, "--html", str(page)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        taken = _picture_of(page)
    with Image.open(io.BytesIO(taken)) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


def _picture_of(page: Path) -> bytes:
    """The page down to the end of its chart, as a PNG."""
    with sync_playwright() as playwright:
        # Chromium refuses to be confined when root starts it.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=browser(), args=arguments)
        try:
            view = started.new_page(viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SHARP)
            view.goto(page.as_uri())
            end = view.evaluate("document.querySelector('.legend').getBoundingClientRect().bottom")
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": end + 32}
            return view.screenshot(full_page=True, clip=clip)
        finally:
            started.close()


if __name__ == "__main__":
    main()
