"""Records what nodes of a real ComfyUI 0.3.64 make of small inputs, for `test_emulator_pixels.py`.

    cd COMFYUI && python TESTS/record_pixels.py

In a folder with ComfyUI 0.3.64, with its own Python. Nodes are called one by one, no model and no server takes part.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pixel_cases import cases, numbers, packed

HERE = Path(__file__).parent
RECORDED = HERE / "pixels_recorded.jsonl.gz"


def given(spec: Any, torch: Any) -> Any:
    """An input as ComfyUI has it."""
    if isinstance(spec, list):
        return [given(item, torch) for item in spec]
    if not isinstance(spec, dict):
        return spec
    if spec["kind"] == "range":
        return tuple(spec["values"])
    if spec["kind"] == "sigmas":
        return torch.FloatTensor(spec["values"])
    if spec["kind"] == "told":
        return [[torch.full((1, 1, 1), spec["seed"] * 10.0 + n), dict(spec["values"])] for n in range(spec["parts"])]
    array = torch.from_numpy(numbers(spec))
    if spec["kind"] == "sound":
        return {"waveform": array, "sample_rate": spec["rate"]}
    if spec["kind"] == "latent":
        if "mask" not in spec:
            return {"samples": array}
        mask = torch.from_numpy(numbers({**spec, "low": 0, "high": 1}, spec["mask"]))
        return {"samples": array, "noise_mask": mask[:, None]}
    return array


def told(value: Any, torch: Any) -> Any:
    """A result as plain values."""
    if isinstance(value, torch.Tensor):
        return {"numbers": value.tolist()} if value.ndim == 1 else {"pixels": packed(value.float().numpy())}
    if isinstance(value, Mapping) and "waveform" in value:
        return {"sound": packed(value["waveform"].numpy()), "rate": value["sample_rate"]}
    if isinstance(value, Mapping):
        mask, samples = value.get("noise_mask"), packed(value["samples"].numpy())
        shape = None if mask is None else packed(mask.numpy())
        return {"latent": samples, "mask": shape, "index": value.get("batch_index")}
    if isinstance(value, list) and value and isinstance(value[0], list) and isinstance(value[0][0], torch.Tensor):
        return {"told": [[part.mean().item(), {k: told(v, torch) for k, v in said.items()}] for part, said in value]}
    if isinstance(value, list | tuple):
        return [told(item, torch) for item in value]
    return value


def results(kind: Any, inputs: dict[str, Any]) -> Any:
    """What a node gives, whichever interface its class is written for."""
    if hasattr(kind, "INPUT_TYPES") and not hasattr(kind, "define_schema"):
        return getattr(kind(), kind.FUNCTION)(**inputs)
    return kind.execute(**inputs).result


def main() -> None:
    """Runs each case and writes down its result, or its error."""
    with tempfile.TemporaryDirectory() as base:
        sys.argv = ["main.py", "--cpu", "--base-directory", base, "--database-url", "sqlite:///:memory:"]
        sys.path.insert(0, os.getcwd())
        import comfy.options

        comfy.options.enable_args_parsing()
        import comfy.cli_args
        import utils.extra_config  # noqa: F401 - before `nodes` puts another `utils` in front

        logging.disable(logging.CRITICAL)
        import nodes
        import server
        import torch

        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        server.PromptServer(loop)
        loop.run_until_complete(nodes.init_extra_nodes(init_custom_nodes=False, init_api_nodes=False))
        lines = []
        for name, inputs in cases():
            line: dict[str, Any] = {"class": name, "inputs": inputs}
            try:
                made = results(nodes.NODE_CLASS_MAPPINGS[name], {k: given(v, torch) for k, v in inputs.items()})
                line["outputs"] = [told(value, torch) for value in made]
            except Exception as problem:
                line["error"] = [type(problem).__name__, str(problem)]
            lines.append(json.dumps(line, separators=(",", ":")))
    RECORDED.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0))
    print(f"{len(lines)} cases, {RECORDED.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
