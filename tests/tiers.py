"""Three tiers of some photographs, and what an emulator says that it ran of them and had already."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import requests
from PIL import Image

from comfyproof.catalog.pinned import built_in
from comfyproof.diagnostics import has_errors
from comfyproof.graph import Asset, Graph
from comfyproof.run.answers import Submission, Succeeded
from comfyproof.run.client import Client
from comfyproof.run.prepare import prepared
from comfyproof.spec.pipeline import Changes
from comfyproof.variants import programs
from scripted_server import ignore, new_id

TIERS = """comfyproof: 1
inputs:
  image: {type: image}
models:
  sdxl: {checkpoint: sd_xl_base_1.0.safetensors}
  detail: {lora: detail.safetensors}
  siax: {upscale_model: 2x_siax.pth}
stages:
  - load: {image: $image}
  - upscale: {with: siax, by: 2}
  - refine:
      model: sdxl
      loras: [{use: detail, strength: 0.5}]
      positive: sharp
      steps: 2
      denoise: 0.3
  - save: {prefix: tier}
  - preview: {}
each: {image: photos/*.png}
variants:
  conservative: {refine.loras.detail.strength: 0.3, refine.denoise: 0.15}
  balanced: {}
  aggressive: {refine.loras.detail.strength: 0.8, refine.denoise: 0.5}
"""
COSTLY = ("CheckpointLoaderSimple", "UpscaleModelLoader", "ImageUpscaleWithModel", "VAEEncode", "KSampler")


def content(asset: Asset) -> str:
    return hashlib.sha256(Path(asset.path).read_bytes()).hexdigest()


def tiers(folder: Path, photographs: int) -> list[Graph]:
    """Three tiers of each of some small photographs, tier by tier."""
    (folder / "photos").mkdir()
    for n in range(photographs):
        picture = Image.linear_gradient("L").resize((64, 64)).rotate(n * 7)
        Image.merge("RGB", (picture, picture.rotate(90), picture)).save(folder / f"photos/{n:02}.png")
    (folder / "spec.yaml").write_text(TIERS)
    found: dict[str, list[Graph]] = {}
    for form, compiled in programs(folder / "spec.yaml", built_in(), Changes({})):
        assert compiled.program is not None, compiled.findings
        found.setdefault(str(form.changes.variant), []).append(compiled.program.graph)
    assert [len(graphs) for graphs in found.values()] == [photographs] * 3
    return [graph for graphs in found.values() for graph in graphs]


class Ran:
    """A prompt that a server ran: what it says it had of it, and what it ran."""

    def __init__(self, client: Client, graph: Graph) -> None:
        prompt_id = new_id()
        sent = prepared(graph, built_in(), client.upload, prompt_id)
        assert not has_errors(sent.findings), sent.findings
        with client.listen():
            assert isinstance(client.submit(sent.sent, prompt_id, new=True), Submission)
            self.outcome = client.wait(prompt_id, ignore)
        assert isinstance(self.outcome, Succeeded), self.outcome
        entry = requests.get(f"{client.url}/history/{prompt_id}", timeout=10).json()[prompt_id]
        told = [message["nodes"] for event, message in entry["status"]["messages"] if event == "execution_cached"]
        assert len(told) == 1
        self.cached = set(told[0])
        self.ran = [graph.nodes[id].type for id in graph.nodes if id not in self.cached]


def counted(runs: Sequence[Ran]) -> dict[str, int]:
    """How often nodes of a class ran, by the server's own events."""
    return {name: sum(run.ran.count(name) for run in runs) for name in COSTLY}
