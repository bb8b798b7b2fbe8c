"""Rules on prompts: what a text encoder makes of them, and what is left of them in the picture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..catalog.pinned import Catalog
from ..diagnostics import NotExamined, Severity
from ..graph import Graph, Link, Node, Value
from .rule import Problem, kept, nodes_of, rule, written

# The texts that ComfyUI's own encoders give to a tokenizer of weights and embeddings.
ENCODERS: Mapping[str, tuple[str, ...]] = {
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeControlnet": ("text",),
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl"),
    "CLIPTextEncodeHiDream": ("clip_l", "clip_g", "t5xxl", "llama"),
    "CLIPTextEncodeHunyuanDiT": ("bert", "mt5xl"),
    "CLIPTextEncodePixArtAlpha": ("text",),
    "CLIPTextEncodeSD3": ("clip_l", "clip_g", "t5xxl"),
    "CLIPTextEncodeSDXL": ("text_g", "text_l"),
    "CLIPTextEncodeSDXLRefiner": ("text",),
    "PhotoMakerEncode": ("text",),
}
# The samplers with a positive, a negative, and how far to go from one to the other.
_SAMPLERS = (
    "KSampler",
    "KSamplerAdvanced",
    "SamplerCustom",
    "CFGGuider",
    "UltimateSDUpscale",
    "UltimateSDUpscaleNoUpscale",
    "UltimateSDUpscaleCustomSample",
)
_TEXTS = ("PrimitiveString", "PrimitiveStringMultiline")
# What changes how or where a conditioning counts, and puts nothing into it but other texts.
_PASSING = frozenset(
    {
        "ConditioningCombine",
        "ConditioningConcat",
        "ConditioningSetArea",
        "ConditioningSetAreaPercentage",
        "ConditioningSetAreaStrength",
        "ConditioningSetMask",
        "ConditioningSetTimestepRange",
        "FluxGuidance",
        "FluxDisableGuidance",
    }
)
_DEEPEST = 50


@rule("CP611", "empty-prompt", Severity.WARNING, classes=_SAMPLERS)
def empty_prompt(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """The positive prompt is empty, and the sampler still pays for two passes to get away from the negative one.

    With a cfg other than 1 each step goes from what the negative prompt gives towards what the positive one gives. With
    nothing there, the picture is only pushed away from the negative.

    Source: ComfyUI 0.3.64, `cfg_function` in `comfy/samplers.py`.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: "", negative: blurry, cfg: 5}
          - save: {}

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: a lighthouse, negative: blurry, cfg: 5}
          - save: {}
    """
    for node in nodes_of(graph, _SAMPLERS):
        positive, cfg = node.inputs.get("positive"), number(graph, node, "cfg")
        if cfg is None or cfg == 1 or not isinstance(positive, Link):
            continue
        encoders = encoders_of(graph, positive)
        if not encoders or any(text != "" for each in encoders for text in texts_of(graph, each)):
            continue
        if not same(graph, positive, node.inputs.get("negative")) and written(
            encoders[0], ENCODERS[encoders[0].type][0]
        ):
            first = encoders[0]
            message = f"the positive prompt is empty, and cfg {cfg} only pushes the picture away from the negative one"
            help = "say what the picture shows, or set cfg to 1"
            yield Problem(first, ENCODERS[first.type][0], message, help)


@rule("CP612", "equal-prompts", Severity.WARNING, classes=_SAMPLERS)
def equal_prompts(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """The positive and the negative prompt of a sampler are the same, so that cfg has no effect and costs its time.

    With a cfg other than 1 a sampler runs the model twice for each step, and multiplies the difference. Here there is
    none.

    Source: ComfyUI 0.3.64, `cfg_function` in `comfy/samplers.py`.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: a lighthouse, negative: a lighthouse, cfg: 5}
          - save: {}

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: a lighthouse, negative: blurry, cfg: 5}
          - save: {}
    """
    for node in nodes_of(graph, _SAMPLERS):
        positive, negative = node.inputs.get("positive"), node.inputs.get("negative")
        cfg = number(graph, node, "cfg")
        if cfg is None or cfg == 1 or not isinstance(positive, Link) or not isinstance(negative, Link):
            continue
        if not same(graph, positive, negative):
            continue
        encoders = [*encoders_of(graph, positive), *encoders_of(graph, negative)]
        if all(written(each, ENCODERS[each.type][0]) for each in encoders):
            message = (
                f"the positive and the negative prompt are the same: cfg {cfg} has no effect, and doubles the time"
            )
            help = "say in the negative what the picture shall not show, or set cfg to 1"
            yield Problem(node, "negative", message, help)


@rule("CP613", "lora-in-prompt", Severity.WARNING, classes=ENCODERS)
def lora_in_prompt(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A prompt names a LoRA as other programs have it, and ComfyUI takes that for words.

    `<lora:name:0.8>` loads nothing: the text goes to the encoder as it stands, and colours the picture by its letters.

    Source: ComfyUI 0.3.64, `tokenize_with_weights` in `comfy/sd1_clip.py`.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: "a hut <lora:ink:0.8>", negative: blurry}
          - save: {}

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}, ink: {lora: ink.safetensors}}
        stages:
          - generate:
              {model: sdxl, loras: [{use: ink, strength: 0.8}], size: 1024x1024, positive: a hut, negative: blurry}
          - save: {}
    """
    for node, name, text in kept(graph, catalog, prompts):
        if found := _LORA.search(text):
            message = f'ComfyUI takes "{found[0]}" for words of the prompt, and loads nothing'
            yield Problem(node, name, message, "load it with a LoraLoader, and take this out of the text")


@rule("CP614", "foreign-syntax", Severity.WARNING, classes=ENCODERS)
def foreign_syntax(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A prompt is written in the syntax of another program, and ComfyUI takes the signs for words.

    Of the syntax that Stable Diffusion WebUI made common, ComfyUI's own encoders know `(weights:1.2)`, nested or not,
    and nothing else: no `[from:to:0.5]`, no `[a|b]`, no `BREAK`, no `AND`.

    Source: ComfyUI 0.3.64, `token_weights` in `comfy/sd1_clip.py`.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: "a [lighthouse:windmill:0.5] at dusk", negative: blurry}
          - save: {}

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: "a (lighthouse:1.2) at dusk", negative: blurry}
          - save: {}
    """
    for node, name, text in kept(graph, catalog, prompts):
        if ("[" in text or "BREAK" in text or " AND " in text) and (found := _FOREIGN.search(text)):
            what = found[0].strip()
            message = f'ComfyUI takes "{what}" for words of the prompt: {_MEANING[found.lastgroup or ""]}'
            yield Problem(node, name, message, _INSTEAD[found.lastgroup or ""])


@rule("CP615", "choice-in-prompt", Severity.WARNING, classes=ENCODERS)
def choice_in_prompt(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A prompt leaves a choice as `{a|b}`, which ComfyUI's editor makes and its server doesn't.

    Sent to a server, all of it is read as words, brackets and all.

    Source: seen on ComfyUI 0.3.64: the server gives a text to the encoder as it came.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: "a {red|blue} lighthouse", negative: blurry}
          - save: {}

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: a red lighthouse, negative: blurry}
          - save: {}
    """
    for node, name, text in kept(graph, catalog, prompts):
        if found := _CHOICE.search(text):
            message = f'a server takes "{found[0]}" for words of the prompt: only the editor chooses'
            yield Problem(node, name, message, "write one of them, and make a run for each")


@rule("CP616", "hidden-embedding", Severity.WARNING, classes=ENCODERS)
def hidden_embedding(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """An embedding is named where ComfyUI does not look for one, so that its name counts as words.

    `embedding:name` is seen at the start of a text or of a bracket, and behind a space or a line's end, in small
    letters. After a comma without a space it is not.

    Source: ComfyUI 0.3.64, `tokenize_with_weights` in `comfy/sd1_clip.py`.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: a lighthouse, negative: "blurry,embedding:bad_hands"}
          - save: {}

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: a lighthouse, negative: "blurry, embedding:bad_hands"}
          - save: {}
    """
    for node, name, text in kept(graph, catalog, prompts):
        for found in _EMBEDDING.finditer(text):
            before, after = text[: found.start()], text[found.end() :]
            if not after.strip():
                yield Problem(node, name, 'nothing stands behind "embedding:", and the node fails over it', "name one")
            elif (before and before[-1] not in " \n(") or found[0] != "embedding:":
                message = f'ComfyUI takes "{found[0]}{after.split()[0]}" for words here, and loads nothing'
                yield Problem(node, name, message, 'write a space before it, and "embedding:" in small letters')


@rule("CP617", "bare-embedding", Severity.WARNING, classes=ENCODERS)
def bare_embedding(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A prompt has the name of a well-known embedding, without the word that makes ComfyUI load it.

    Other programs load an embedding wherever its name stands. ComfyUI wants `embedding:` before it, and takes it for
    words otherwise.

    Source: ComfyUI 0.3.64, `tokenize_with_weights` in `comfy/sd1_clip.py`; that the name means the embedding is a
    guess.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: a lighthouse, negative: "easynegative, blurry"}
          - save: {}

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: a lighthouse, negative: "embedding:easynegative, blurry"}
          - save: {}
    """
    for node, name, text in kept(graph, catalog, prompts):
        folded = text.casefold()
        if any(mark in folded for mark in _MARKS) and (found := _KNOWN_EMBEDDING.search(text)):
            message = f'"{found[0]}" is the name of an embedding, and ComfyUI takes it for words'
            yield Problem(node, name, message, f'write "embedding:{found[0]}" if it is installed')


@rule("CP618", "open-bracket", Severity.WARNING, classes=ENCODERS)
def open_bracket(graph: Graph, catalog: Catalog) -> Iterator[Problem | NotExamined]:
    """A prompt gives weights in brackets, and its brackets do not close, so that weights are read as words.

    ComfyUI takes what stands between an opening bracket and the one that closes it. Without that one the rest of the
    text is no group, and its ":1.2" goes to the encoder.

    Source: ComfyUI 0.3.64, `parse_parentheses` in `comfy/sd1_clip.py`.

    Bad:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: "a (lighthouse:1.2 at dusk", negative: blurry}
          - save: {}

    Good:

        models: {sdxl: {checkpoint: sd_xl_base_1.0.safetensors}}
        stages:
          - generate: {model: sdxl, size: 1024x1024, positive: "a (lighthouse:1.2) at dusk", negative: blurry}
          - save: {}
    """
    for node, name, text in kept(graph, catalog, prompts):
        if "(" in text and _WEIGHT.search(text):
            plain = text.replace("\\(", "").replace("\\)", "")
            opened, closed = plain.count("("), plain.count(")")
            if opened != closed:
                message = (
                    f"the prompt opens {opened} brackets and closes {closed}, so that weights in it are read as words"
                )
                yield Problem(node, name, message, 'close each, and write "\\(" for one that is meant as a sign')


PROMPT_RULES = (
    empty_prompt,
    equal_prompts,
    lora_in_prompt,
    foreign_syntax,
    choice_in_prompt,
    hidden_embedding,
    bare_embedding,
    open_bracket,
)

_LORA = re.compile(r"<(?:lora|lyco|hypernet):[^<>\n]{1,200}>", re.IGNORECASE)
_FOREIGN = re.compile(
    r"(?P<turn>\[[^\[\]\n]{0,200}:[^\[\]\n]{0,200}:\s*\d*\.?\d+\s*\])"
    r"|(?P<turns>\[[^\[\]|\n]{1,200}\|[^\[\]\n]{1,200}\])"
    r"|(?P<chunk>(?<!\S)BREAK(?=[\s,]|$))"
    r"|(?P<both>(?<=[a-z0-9,)] )AND(?= [a-z(]))"
)
_MEANING = {
    "turn": "it does not change a prompt on the way",
    "turns": "it does not alternate between words",
    "chunk": "it does not begin a new part there",
    "both": "it does not combine two prompts there",
}
_INSTEAD = {
    "turn": "encode both prompts, and give each its time with ConditioningSetTimestepRange",
    "turns": "write the one that matters",
    "chunk": "encode both parts, and join them with ConditioningConcat",
    "both": "encode both prompts, and join them with ConditioningCombine",
}
_CHOICE = re.compile(r"(?<!\\)\{[^{}\n]{1,200}\|[^{}\n]{1,200}\}")
_EMBEDDING = re.compile(r"embedding:", re.IGNORECASE)
_KNOWN_EMBEDDING = re.compile(
    r"(?<![\w:/\\-])(?:easynegative(?:v2)?|badhandv4(?:-animeillustdiff)?|bad-hands-5|bad_prompt_version2|badv[1-5]"
    r"|ng_deepnegative_v1_75t|verybadimagenegative_v1\.3|negative_hand(?:-neg)?|fastnegative(?:v2|embedding)"
    r"|unaestheticxl\w{0,20}|negativexl_d|bad_artist|bad-artist(?:-anime)?)(?![\w-])",
    re.IGNORECASE,
)
# What each of them has, for a quick look first.
_MARKS = ("easyneg", "bad", "ng_deep", "_hand", "fastneg", "unaesthetic", "negativexl")
_WEIGHT = re.compile(r"\([^()]{1,500}:\s*\d*\.?\d+")


def prompts(graph: Graph, catalog: Catalog) -> list[tuple[Node, str, str]]:
    """The texts that are encoded, each once, with the node and input where they stand."""
    found: dict[tuple[str, str], tuple[Node, str, str]] = {}
    for node in nodes_of(graph, ENCODERS):
        for name in ENCODERS[node.type]:
            place = _text_at(graph, node, name)
            if place is not None:
                found[place[0].id, place[1]] = place
    return list(found.values())


def texts_of(graph: Graph, encoder: Node) -> list[str | None]:
    """The texts of an encoder without space around them, None for one that is made on the way."""
    places = [_text_at(graph, encoder, name) for name in ENCODERS[encoder.type]]
    return [place and place[2].strip() for place in places]


def _text_at(graph: Graph, node: Node, name: str) -> tuple[Node, str, str] | None:
    value = node.inputs.get(name)
    if isinstance(value, Link):
        giver = graph.nodes.get(value.node)
        if giver is None or giver.type not in _TEXTS:
            return None
        node, name, value = giver, "value", giver.inputs.get("value")
    return (node, name, value) if isinstance(value, str) else None


def number(graph: Graph, node: Node, name: str) -> int | float | None:
    """The number at an input, also where a primitive gives it; None for what is not known."""
    value: Value = node.inputs.get(name)
    if isinstance(value, Link) and (giver := graph.nodes.get(value.node)) and giver.type in _NUMBERS:
        value = giver.inputs.get("value")
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


_NUMBERS = ("PrimitiveInt", "PrimitiveFloat")


def encoders_of(graph: Graph, link: Link) -> list[Node]:
    """The encoders whose texts make up a conditioning; none where anything else takes part in it."""
    found: dict[str, Node] = {}
    waiting, seen = [link.node], set()
    while waiting:
        id = waiting.pop()
        node = graph.nodes.get(id)
        if id in seen:
            continue
        seen.add(id)
        if node is not None and node.type in ENCODERS:
            found[id] = node
        elif node is not None and node.type in _PASSING:
            waiting += [each.node for name, each in node.links() if name.startswith("conditioning")]
        else:
            return []
    return list(found.values())


def same(graph: Graph, one: Value, other: Value, depth: int = 0) -> bool:
    """Whether two inputs surely get the same: one output, or two made in the same way of the same."""
    if not isinstance(one, Link) or not isinstance(other, Link):
        return type(one) is type(other) and one == other
    if one == other:
        return True
    first, second = graph.nodes.get(one.node), graph.nodes.get(other.node)
    if first is None or second is None or one.output != other.output or depth > _DEEPEST:
        return False
    if first.type not in (*ENCODERS, *_PASSING) or first.type != second.type or set(first.inputs) != set(second.inputs):
        return False
    return all(same(graph, value, second.inputs[name], depth + 1) for name, value in first.inputs.items())
