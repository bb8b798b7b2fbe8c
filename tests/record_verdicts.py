"""Records what a real ComfyUI 0.3.64 says of generated prompts, for `test_verdict_recorded.py`.

    cd COMFYUI && python TESTS/record_verdicts.py

In a folder with ComfyUI 0.3.64, UltimateSDUpscale 1.7.1 and ComfyUI-GGUF, with its own Python. Only its
`validate_prompt` is called, nothing is run. Prompts whose verdict depends on the order of its sets are left out.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECORDED = HERE / "verdicts_recorded.jsonl.gz"
CATALOG = HERE.parent / "compiler" / "comfyproof" / "catalog" / "comfyui-0.3.64.json.gz"
COUNT = 1000
ROUNDS = 20
# What the recorded server has, by folder; "taef1" is what ComfyUI makes of the two files in vae_approx.
FILES = {
    "input": ["cat.png", "sounds/rain.wav", "3d/"],
    "output": ["day/cat_00001_.png"],
    "temp": ["cat_00001_.png"],
    "audio_encoders": [],
    "checkpoints": ["base.safetensors", "xl/other.ckpt"],
    "clip_vision": [],
    "controlnet": ["canny.pth"],
    "diffusion_models": ["krea.safetensors"],
    "gligen": [],
    "hypernetworks": [],
    "loras": ["turbo.safetensors"],
    "model_patches": [],
    "photomaker": [],
    "style_models": [],
    "text_encoders": ["clip_l.safetensors", "t5.safetensors"],
    "upscale_models": ["4x.pth"],
    "vae": ["ae.safetensors", "taef1"],
}
# Classes whose choices of files the server makes in ways of its own.
LEFT_OUT = {
    "CheckpointLoader", "DiffusersLoader", "Load3D", "Load3DAnimation", "LoadImageSetFromFolderNode",
    "LoadImageTextSetFromFolderNode", "UnetLoaderGGUF", "UnetLoaderGGUFAdvanced",
}  # fmt: skip
WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
NAMES = [
    "cat.png", "CAT.png", "", ".", "..", "3d", "sounds/rain.wav", "sounds/", "sounds/../cat.png", "no/../cat.png",
    "cat.png/", "cat.png/../cat.png", "./cat.png", "../output/day/cat_00001_.png", "../nothing.png", "cat.png [temp]",
    "day/cat_00001_.png [output]", "cat_00001_.png [temp]", "cat.png[input]", "x[output]", "cat\x00.png", "/", "猫.png",
]  # fmt: skip
ODD = [
    None, True, False, 0, -1, 7, 1.5, -0.9, "", "8", " 8\n", "１２", "1_000", "1e5", "nan", "no", "None", [], ["1"],
    ["no", 0], [1, 2, 3], {}, {"__value__": 5}, {"__value__": [1, 2]}, {"__value__": None}, float("nan"), float("inf"),
    10**400, 2**63, -(2**64), 1e308, "猫", "'", "16:9", "1:9", "1:0", "a:b",
]  # fmt: skip
SLOTS = [1, 2, -1, -9, 99, "0", None, 1.0, True, False, 10**30, [], {}]
IDS = ["no", 1, None, True, [], {}]


class Maker:
    """Makes prompts: a graph round a class, and changes to it, each of which may or may not be a fault."""

    def __init__(self, nodes: dict[str, Any], seed: int) -> None:
        self.nodes = {name: node for name, node in nodes.items() if name not in LEFT_OUT}
        self.pick = random.Random(seed)
        self.givers: dict[str, list[tuple[str, int]]] = {}
        for name, node in self.nodes.items():
            for slot, kind in enumerate(node["output"]):
                self.givers.setdefault(str(kind), []).append((name, slot))
        self.outputs = [name for name, node in self.nodes.items() if node["output_node"]]

    def declared(self, name: str) -> dict[str, tuple[Any, dict[str, Any], bool]]:
        """The inputs of a class: type, settings and whether it is required."""
        found = {}
        for section in ("required", "optional"):
            for key, spec in self.nodes[name]["input"].get(section, {}).items():
                kind, config = (*(spec if isinstance(spec, list) else [spec]), {})[:2]
                found[key] = (kind, config, section == "required")
        return found

    def prompt(self, around: str) -> dict[str, Any]:
        """A graph in which a class takes part."""
        prompt: dict[str, Any] = {}
        id = self.grow(prompt, around, 2)
        if not self.nodes[around]["output_node"]:
            self.add(prompt, "PreviewAny", {"source": [id, 0]})
        if self.pick.random() < 0.4:
            self.grow(prompt, self.pick.choice(self.outputs), 1)
        return prompt

    def add(self, prompt: dict[str, Any], name: str, inputs: dict[str, Any]) -> str:
        id = str(len(prompt) + 1)
        prompt[id] = {"class_type": name, "inputs": inputs}
        return id

    def grow(self, prompt: dict[str, Any], name: str, depth: int) -> str:
        """Adds a node, and mostly what it needs."""
        id = self.add(prompt, name, {})
        for key, (kind, config, required) in self.declared(name).items():
            if not required and self.pick.random() < 0.7:
                continue
            if isinstance(kind, list) or kind in WIDGETS:
                prompt[id]["inputs"][key] = self.literal(name, key, kind, config)
            elif depth and str(kind) in self.givers:
                giver, slot = self.pick.choice(self.givers[str(kind)])
                prompt[id]["inputs"][key] = [self.grow(prompt, giver, depth - 1), slot]
            elif self.pick.random() < 0.9:
                prompt[id]["inputs"][key] = None
        return id

    def literal(self, name: str, key: str, kind: Any, config: dict[str, Any]) -> Any:
        if name.startswith("Load") and key in ("image", "audio", "file", "latent"):
            return self.pick.choice(NAMES)
        if key == "aspect_ratio" and kind == "STRING":
            return self.pick.choice(["16:9", "1:9", "1:0", "a:b", "4:1", "wide", None])
        if kind == "COMBO" or isinstance(kind, list):
            folder = next((f for f in FILES if FILES[f] and key.startswith(f[:4])), "checkpoints")
            options = kind if isinstance(kind, list) else config.get("options")
            return self.pick.choice(options or FILES[folder])
        if "min" in config and self.pick.random() < 0.1:
            bound = config[self.pick.choice(["min", "max"] if "max" in config else ["min"])]
            return self.pick.choice([bound, bound + 1, bound - 1, str(bound), float(bound), bound - 0.5])
        if "default" in config:
            return config["default"]
        return {"INT": 0, "FLOAT": 0.0, "STRING": "x", "BOOLEAN": False}.get(kind)

    def spoil(self, prompt: dict[str, Any]) -> None:
        """One change, anywhere in it."""
        id = self.pick.choice(list(prompt))
        node = prompt[id]
        if not isinstance(node, dict) or not isinstance(node.get("inputs"), dict) or not node["inputs"]:
            return
        change: Callable[..., None] = self.pick.choice([self.value, self.value, self.link, self.link, self.shape])
        change(prompt, node, self.pick.choice(list(node["inputs"])))

    def value(self, _prompt: dict[str, Any], node: dict[str, Any], key: str) -> None:
        how = self.pick.random()
        if how < 0.6:
            node["inputs"][key] = self.pick.choice(ODD)
        elif how < 0.7:
            node["inputs"][key] = {"__value__": node["inputs"][key]}
        elif how < 0.8:
            node["inputs"][self.pick.choice(["image", "note", "input_types"])] = self.pick.choice(ODD)
        else:
            del node["inputs"][key]

    def link(self, prompt: dict[str, Any], node: dict[str, Any], key: str) -> None:
        links = [name for name, value in node["inputs"].items() if isinstance(value, list)]
        key = self.pick.choice(links or [key])
        to, slot = self.pick.choice(list(prompt)), self.pick.choice([0, 0, 0, 1])
        how = self.pick.random()
        if how < 0.3:
            slot = self.pick.choice(SLOTS)
        elif how < 0.5:
            to = self.pick.choice(IDS)
        node["inputs"][key] = [to, slot] if how < 0.95 else [to, slot, 0]

    def shape(self, prompt: dict[str, Any], node: dict[str, Any], _key: str) -> None:
        id = next(id for id in prompt if prompt[id] is node)
        changes: list[Callable[[], Any]] = [
            lambda: prompt.pop(id),
            lambda: node.pop("inputs"),
            lambda: node.update(inputs=self.pick.choice([None, [], ["image"], "images", 5, {}])),
            lambda: node.update(class_type=self.pick.choice([*self.nodes])),
            lambda: node.update(class_type=self.pick.choice(["", "NoSuchNode", None, 5, [], {}])),
            lambda: prompt.update({id: self.pick.choice([None, "class_type", "x", [], ["class_type"], 5])}),
            lambda: self.grow(prompt, self.pick.choice(self.outputs), 1),
            lambda: self.add(prompt, "PreviewAny", {"source": [id, 0]}),
        ]
        self.pick.choices(changes, [2, 2, 2, 3, 1, 1, 3, 3])[0]()


def prompts() -> list[Any]:
    """The prompts: round each class in turn, with none to four changes."""
    nodes = json.loads(gzip.decompress(CATALOG.read_bytes()))["nodes"]
    maker = Maker(nodes, 64)
    classes = sorted(maker.nodes)
    found = []
    for n in range(COUNT):
        prompt = maker.prompt(classes[n % len(classes)])
        for _ in range(maker.pick.choice([0, 1, 1, 1, 2, 2, 4])):
            if prompt:
                maker.spoil(prompt)
        found.append(prompt)
    return found


def furnish(base: Path) -> None:
    """Makes a base directory with empty files of the names in FILES."""
    for folder, names in FILES.items():
        at = base / folder if folder in ("input", "output", "temp") else base / "models" / folder
        for name in names:
            (at / name).parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                (at / name).mkdir()
            elif name != "taef1":
                (at / name).touch()
        at.mkdir(parents=True, exist_ok=True)
    (base / "models" / "vae_approx").mkdir()
    for part in ("encoder", "decoder"):
        (base / "models" / "vae_approx" / f"taef1_{part}.safetensors").touch()
    (base / "custom_nodes").symlink_to(Path.cwd() / "custom_nodes")


def judge(base: str) -> None:
    """Prints the verdict of each prompt, as the ComfyUI of this folder gives it."""
    sys.argv = ["main.py", "--cpu", "--base-directory", base, "--database-url", "sqlite:///:memory:"]
    sys.path.insert(0, os.getcwd())
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.cli_args
    import utils.extra_config  # noqa: F401 - before `nodes` puts another `utils` in front

    logging.disable(logging.CRITICAL)
    import execution
    import nodes
    import server

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    server.PromptServer(loop)
    loop.run_until_complete(nodes.init_extra_nodes())
    for prompt in prompts():
        try:
            answer = loop.run_until_complete(execution.validate_prompt("x", prompt, None))
            print(json.dumps(told(*answer)))
        except Exception as problem:
            print(json.dumps({**told(False, None, [], {}), "exception": [type(problem).__name__, str(problem)]}))


def told(accepted: bool, error: Any, good: list[str], node_errors: dict[str, Any]) -> dict[str, Any]:
    """What validate_prompt gives, without order."""
    return {
        "accepted": bool(accepted),
        "good_outputs": sorted(good),
        "error": error and [error["type"], error["message"], sorted(error["details"].splitlines())],
        "node_errors": {
            id: [node["class_type"], sorted([e["type"], e["extra_info"].get("input_name") or "", e["details"]]
                                            for e in node["errors"])]
            for id, node in sorted(node_errors.items())
        },
        "exception": None,
    }  # fmt: skip


def main() -> None:
    """Asks the server several times, each with another order of its sets, and keeps what does not change."""
    with tempfile.TemporaryDirectory() as base:
        furnish(Path(base))
        rounds = []
        for seed in range(ROUNDS):
            command = [sys.executable, __file__, base]
            environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            rounds.append([line for line in done.stdout.splitlines() if line.startswith('{"accepted"')])
    kept = [
        json.dumps({"prompt": prompt, "verdict": json.loads(verdicts[0])}, separators=(",", ":"))
        for prompt, *verdicts in zip(prompts(), *rounds, strict=True)
        if len(set(verdicts)) == 1
    ]
    RECORDED.write_bytes(gzip.compress(("\n".join(kept) + "\n").encode(), 9, mtime=0))
    print(f"{len(kept)} of {COUNT} kept, {RECORDED.stat().st_size:,} bytes")


if __name__ == "__main__":
    judge(sys.argv[1]) if len(sys.argv) > 1 else main()
