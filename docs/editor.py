"""Takes docs/pictures/editor.png: our main workflow in ComfyUI's own editor, after a press on Run."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from editor_page import TIMEOUT, opened  # noqa: E402

SPEC = "specs/production_upscale_enhance.yaml"
PICTURE = ROOT / "docs" / "pictures" / "editor.png"
WIDTH, HEIGHT = 2200, 1180

# The whole graph in view, between the editor's own bars; its words drawn although they are small.
_FIT = """([left, top, right, bottom]) => {
  const canvas = app.canvas;
  canvas.low_quality_zoom_threshold = 0;
  canvas.min_font_size_for_lod = 0;
  canvas.show_info = false;
  const boxes = [
    ...app.graph.nodes.map(node => [node.pos[0], node.pos[1] - 30, node.size[0], node.size[1] + 30]),
    ...app.graph.groups.map(group => [...group.pos, ...group.size]),
  ];
  const edge = (side, of) => of(...boxes.map(([x, y, w, h]) => [x, y, x + w, y + h][side]));
  const [x, y, x2, y2] = [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)];
  const width = innerWidth - left - right, height = innerHeight - top - bottom;
  const scale = Math.min(width / (x2 - x), height / (y2 - y));
  canvas.ds.scale = scale;
  canvas.ds.offset[0] = (left + width / 2) / scale - (x + x2) / 2;
  canvas.ds.offset[1] = (top + height / 2) / scale - (y + y2) / 2;
  canvas.setDirty(true, true);
}"""


def main() -> None:
    """Takes the picture."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "comfyproof", "serve", "--editor", "--port", "0", "--folder", folder, SPEC]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            try:
                with opened(server.stdout.readline().strip(), WIDTH, HEIGHT) as editor:
                    editor.press_run()
                    editor.until("heard.includes('execution_success')")
                    editor.page.wait_for_load_state("networkidle", timeout=TIMEOUT)
                    editor.page.locator(".minimap-main-container button").last.click()
                    editor.page.evaluate(_FIT, [75, 90, 25, 60])
                    editor.page.wait_for_timeout(1000)
                    taken = editor.page.screenshot()
            finally:
                server.terminate()
    with Image.open(io.BytesIO(taken)) as picture:
        picture.convert("RGB").save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
