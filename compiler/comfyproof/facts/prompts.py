"""What a conditioning holds: texts, guidance, pictures."""

from __future__ import annotations

from typing import NamedTuple

from ..graph import Link, Node, Value
from .view import Setting, View

_MOST = 256
# The inputs of text encoders that hold a prompt.
_TEXTS = ("text", "text_g", "text_l", "clip_l", "clip_g", "t5xxl", "llama", "prompt", "user_prompt", "bert", "mt5xl")
_GUIDES = ("FluxGuidance", "CLIPTextEncodeFlux")
_PICTURED = ("IMAGE", "LATENT", "CLIP_VISION_OUTPUT", "CONTROL_NET", "STYLE_MODEL", "MASK")


class Prompt(NamedTuple):
    """What a conditioning holds.

    `texts` are its prompts, and `complete` says that there are no others, so that no text means nothing is asked.
    `zeroed` says that a part of it was emptied, `guidance` is the one that holds in the end, and `pictured` says that
    pictures, masks or latents take part in it. `encoders` are the nodes that made it of text, `controls` those that
    put a ControlNet into it.
    """

    texts: tuple[Setting, ...] = ()
    complete: bool = True
    zeroed: bool = False
    guidance: Setting | None = None
    disabled: bool = False
    pictured: bool = False
    encoders: tuple[Node, ...] = ()
    controls: tuple[Node, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether it surely asks for nothing."""
        return self.complete and not any((setting.text or "").strip() for setting in self.texts)

    @property
    def said(self) -> Setting | None:
        """A text in it that is known and not empty."""
        return next((setting for setting in self.texts if (setting.text or "").strip()), None)


def prompt_of(view: View, value: Value | None) -> Prompt | None:
    """What the conditioning of a link holds; None where there is no link."""
    if not isinstance(value, Link):
        return None
    return view.kept(("prompt", value.node, value.output), lambda: _gathered(view, value))


def _gathered(view: View, value: Link) -> Prompt:
    texts: list[Setting] = []
    encoders: list[Node] = []
    controls: list[Node] = []
    complete, zeroed, disabled, pictured = True, False, False, False
    guidance: Setting | None = None
    waiting: list[Value] = [value]
    seen: set[tuple[str, int]] = set()
    while waiting:
        found = view.origin(waiting.pop(0))
        if found is None or len(seen) > _MOST:
            complete = False
            continue
        node, output = found
        if (node.id, output) in seen:
            continue
        seen.add((node.id, output))
        declared = view.catalog.get(node.type)
        if declared is None:
            complete = False
            continue
        if node.type == "ConditioningZeroOut":
            zeroed = True
            continue
        if node.type in _GUIDES and guidance is None:
            guidance = view.setting(node, "guidance")
        disabled = disabled or node.type == "FluxDisableGuidance"
        pictured = pictured or bool(view.linked(node, *_PICTURED))
        if isinstance(node.inputs.get("control_net"), Link):
            controls.append(node)
        if any(declared.inputs[name].type == "CLIP" for name in node.inputs if name in declared.inputs):
            encoders.append(node)
            given = [view.setting(node, name) for name in _TEXTS if name in node.inputs]
            texts += given
            # An encoder that is itself given nothing stands in a graph with a hole in it.
            complete = complete and bool(given) and all(setting.text is not None for setting in given)
            complete = complete and all(view.origin(node.inputs[name]) for name in node.inputs if name == "clip")
        ways = _ways(view, node, output)
        if not ways and node not in encoders:
            complete = False
        waiting += [node.inputs[name] for name in ways]
    return Prompt(tuple(texts), complete, zeroed, guidance, disabled, pictured, tuple(encoders), tuple(controls))


def _ways(view: View, node: Node, output: int) -> list[str]:
    """The inputs that an output's conditioning comes from: of a pair, the one of its own name."""
    name = view.output(node, output)
    if name in ("positive", "negative") and name in node.inputs:
        return [name]
    return view.linked(node, "CONDITIONING")
