"""How long it takes to find out what 1,000 and 10,000 model files are, cold and from the index.

The files are headers alone, with holes where the weights would be. A collection is made as people have them: most are
LoRAs, many of one trainer and one base, each with its own metadata. Beside it, the same number of files of which
no two have the same tensors, where nothing that was found out for one file helps with another.

    python benchmarks/weights.py [FILES ...]
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from comfyproof.weights.index import look
from comfyproof.weights.networks import network

_MIX = (
    ("lora sdxl", 45),
    ("lora flux_dev", 20),
    ("lora sd15", 10),
    ("sdxl", 8),
    ("flux_dev", 4),
    ("sd15", 4),
    ("wan21_t2v_14b", 2),
    ("te.t5xxl", 2),
    ("te.clip_l", 3),
    ("vae.wan21", 2),
)


def tensors(name: str, rank: int) -> Mapping[str, tuple[int, ...]]:
    """The tensors of a model of the mix; of a LoRA, those of a rank over its base's attention."""
    if not name.startswith("lora "):
        return network(name)
    made = {}
    for base, shape in network(name.removeprefix("lora ")).items():
        if len(shape) == 2 and "attn" in base and base.endswith(".weight"):
            stem = "lora_unet_" + base.removesuffix(".weight").replace(".", "_")
            made[f"{stem}.lora_down.weight"] = (rank, shape[1])
            made[f"{stem}.lora_up.weight"] = (shape[0], rank)
            made[f"{stem}.alpha"] = ()
    return made


def write(path: Path, shapes: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str]) -> None:
    """A safetensors file with a true header and a hole for the weights."""
    entries, end = {"__metadata__": dict(metadata)}, 0
    for name, shape in shapes.items():
        size = 2
        for extent in shape:
            size *= extent
        entries[name] = {"dtype": "F16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        stream.truncate(8 + len(text) + end)


def collection(folder: Path, count: int, alike: bool) -> list[Path]:
    """`count` files in a folder; `alike`, as collections are, or no two with the same tensors."""
    chance = random.Random(7)
    names, weights = zip(*_MIX, strict=True)
    paths = []
    for number in range(count):
        name = chance.choices(names, weights)[0]
        shapes = dict(tensors(name, chance.choice((8, 16, 32, 64, 128))))
        if not alike:
            shapes[f"note.{number}"] = (1,)
        about = {"ss_output_name": f"model {number}", "ss_tag_frequency": "{}" * chance.randrange(200)}
        paths.append(folder / f"{number:05}.safetensors")
        write(paths[-1], shapes, about)
    return paths


def main() -> None:
    """Prints CPU seconds a number of files: cold, and from the index."""
    for count in map(int, sys.argv[1:] or ("1000", "10000")):
        for alike in (True, False) if count <= 1000 else (True,):
            with tempfile.TemporaryDirectory() as folder:
                paths = collection(Path(folder), count, alike)
                cache = Path(folder) / "cache"
                what = "a collection" if alike else "no two alike"
                for turn in ("cold", "from the index"):
                    began = time.process_time()
                    found = look(paths, cache)
                    read = time.process_time() - began
                    known = sum(bool(each.weights and each.weights.kind != "unknown") for each in found.values())
                    whole = time.process_time() - began
                    took = f"{read:.3f} s CPU, {whole:.3f} s with all details"
                    print(f"{count} files, {what}, {turn}: {took}, {known} known")


if __name__ == "__main__":
    main()
