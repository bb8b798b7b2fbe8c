"""clip_loading: what ComfyUI 0.3.64's CLIP loaders make of text encoder files, silent failures included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .header import Header
from .networks import Shape, fill, network
from .text_encoders import TextEncoder, detect

# How many files each loader node takes.
LOADERS: Mapping[str, int] = {"CLIPLoader": 1, "DualCLIPLoader": 2, "TripleCLIPLoader": 3, "QuadrupleCLIPLoader": 4}


# The loader's type for each family; AuraFlow's encoder is known by itself, whatever the type says.
TYPES: Mapping[str, str] = {
    **dict.fromkeys(("sd15", "sd2", "sdxl-refiner"), "stable_diffusion"),
    **{"sdxl": "sdxl", "cascade": "stable_cascade", "sd3": "sd3", "flux": "flux", "flux-schnell": "flux"},
    **{"chroma": "chroma", "chroma-radiance": "chroma", "pixart-alpha": "pixart", "pixart-sigma": "pixart"},
    **{"wan": "wan", "wan22-5b": "wan", "ltxv": "ltxv", "mochi": "mochi", "cosmos": "cosmos", "cosmos2": "cosmos"},
    **{"hunyuan-video": "hunyuan_video", "hunyuan-image": "hunyuan_image", "qwen-image": "qwen_image"},
    **{"hidream": "hidream", "lumina2": "lumina2", "omnigen2": "omnigen2", "stable-audio": "stable_audio"},
    **{"ace-step": "ace", "hunyuan-dit": "hunyuan_dit"},
}


@dataclass(frozen=True, slots=True)
class Part:
    """Where one file went: the sub-encoder, how many of its tensors the file lacks, how many the file has too many.

    `all_missing` says that nothing of the file was of use: the sub-encoder keeps random weights, and ComfyUI is silent.
    `error` is the first tensor whose shape is another: ComfyUI raises a size mismatch for it.
    """

    into: str
    missing: int = 0
    unexpected: int = 0
    all_missing: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a loader builds: the class of the text model, its tokenizer, where each file goes, and what gets no file.

    `never_loaded` are sub-encoders that keep random weights. `error` is set where ComfyUI raises before it loads.
    """

    clip: str
    tokenizer: str
    files: tuple[Part, ...] = ()
    never_loaded: tuple[str, ...] = ()
    error: str = ""

    @property
    def sound(self) -> bool:
        """Whether every file found its place whole and every sub-encoder got a file."""
        whole = all(not part.error and not part.missing for part in self.files)
        return whole and not self.error and not self.never_loaded


@dataclass(frozen=True, slots=True)
class _Target:
    """The class that a loader picks, with the network of each of its sub-encoders."""

    clip: str
    tokenizer: str
    subs: Mapping[str, str]


def clip_loader(files: Sequence[Header | TextEncoder | None], type: str) -> Loaded:
    """What the single, dual, triple or quadruple CLIP loader does with files, in their order, for its `type`.

    None stands for a file that holds no text encoder. A type that ComfyUI does not know is its default, without a word.
    Tensors of CLIP-L's text projection count as no loss, since files go without it and nothing reads it.
    """
    encoders = [detect(file) if isinstance(file, Header) else file for file in files]
    shapes = [_shapes(file, encoder) for file, encoder in zip(files, encoders, strict=True)]
    models = [encoder.te_model if encoder else "" for encoder in encoders]
    target = _target(models, shapes, type)
    if target is None:
        return Loaded("", "", error=f"No loader takes {len(files)} files.")
    positions = _positions(shapes)
    scaled = _scaled(shapes)
    parts = []
    for given in shapes:
        sub = _route(target, given)
        if not target.subs.get(sub):
            parts.append(Part(sub, error=f"{target.clip} has no {sub}"))
            continue
        wanted = _wanted(target, sub, positions, scaled)
        filled = fill(wanted, given)
        missing = filled.missing
        if "text_projection.weight" in wanted and "text_projection.weight" not in given:
            missing -= 1
        lost = filled.missing == len(wanted)
        parts.append(Part(sub, missing, filled.unexpected, lost, filled.mismatch))
    touched = {part.into for part in parts}
    return Loaded(target.clip, target.tokenizer, tuple(parts), tuple(sub for sub in target.subs if sub not in touched))


def better_type(files: Sequence[Header | TextEncoder | None], type: str, family: str) -> str:
    """The type that a loader should have for a family's text encoders, "" if the one it has does the same."""
    right = TYPES.get(family, type)
    return "" if right == type or clip_loader(files, right) == clip_loader(files, type) else right


def _shapes(file: Header | TextEncoder | None, encoder: TextEncoder | None) -> Mapping[str, Shape]:
    """The shapes of a file's tensors under the names that ComfyUI gives them."""
    if encoder is not None:
        return encoder.shapes
    return {name: shape for name, (_, shape) in file.tensors.items()} if isinstance(file, Header) else {}


def _target(models: Sequence[str], shapes: Sequence[Mapping[str, Shape]], kind: str) -> _Target | None:
    if len(models) == 1:
        return _single(models[0], kind, "spiece_model" in shapes[0])
    if len(models) == 2:
        return _dual(models, kind)
    if len(models) == 3:
        return _sd3(True, True, True)
    if len(models) == 4:
        return _hidream(True, True, True, True)
    return None


def _sd3(clip_l: bool, clip_g: bool, t5: bool) -> _Target:
    subs = {"clip_l": "clip_l"} if clip_l else {}
    subs |= {"clip_g": "clip_g"} if clip_g else {}
    subs |= {"t5xxl": "t5xxl"} if t5 else {}
    return _Target("SD3ClipModel_", "SD3Tokenizer", subs)


def _hidream(clip_l: bool, clip_g: bool, t5: bool, llama: bool) -> _Target:
    subs = {**_sd3(clip_l, clip_g, t5).subs, **({"llama": "hidream_llama"} if llama else {})}
    return _Target("HiDreamTEModel_", "HiDreamTokenizer", subs)


_T5_TYPES = {
    "ltxv": _Target("MochiTEModel_", "LTXVT5Tokenizer", {"t5xxl": "t5xxl"}),
    "pixart": _Target("PixArtTEModel_", "PixArtTokenizer", {"t5xxl": "t5xxl"}),
    "chroma": _Target("PixArtTEModel_", "PixArtTokenizer", {"t5xxl": "t5xxl"}),
    "wan": _Target("WanTEModel", "WanT5Tokenizer", {"umt5xxl": "umt5xxl"}),
    "sd3": _sd3(False, False, True),
    "hidream": _hidream(False, False, True, False),
}
_ONE = {
    "CLIP_H": _Target("SD2ClipModel", "SD2Tokenizer", {"clip_h": "clip_h"}),
    "T5_XXL": _Target("MochiTEModel_", "MochiT5Tokenizer", {"t5xxl": "t5xxl"}),
    "T5_XXL_OLD": _Target("CosmosTEModel_", "CosmosT5Tokenizer", {"t5xxl": "t5xxl_old"}),
    "T5_XL": _Target("AuraT5Model", "AuraT5Tokenizer", {"pile_t5xl": "pile_t5xl"}),
    "T5_BASE": _Target("SAT5Model", "SAT5Tokenizer", {"t5base": "t5base"}),
    "GEMMA_2_2B": _Target("LuminaTEModel_", "LuminaTokenizer", {"gemma2_2b": "gemma2_2b"}),
    "GEMMA_3_4B": _Target("LuminaTEModel_", "NTokenizer", {"gemma3_4b": "gemma3_4b"}),
    "LLAMA3_8": _hidream(False, False, False, True),
    "QWEN25_3B": _Target("Omnigen2TEModel_", "Omnigen2Tokenizer", {"qwen25_3b": "qwen25_3b"}),
    "QWEN25_7B": _Target("QwenImageTEModel_", "QwenImageTokenizer", {"qwen25_7b": "qwen25_7b"}),
}


def _single(model: str, kind: str, spiece: bool) -> _Target:
    if model == "T5_XXL" and kind in _T5_TYPES:
        return _T5_TYPES[kind]
    if model == "T5_BASE" and (kind == "ace" or spiece):
        return _Target("AceT5Model", "AceT5Tokenizer", {"umt5base": "umt5base"})
    if model == "QWEN25_7B" and kind == "hunyuan_image":
        return _Target("QwenImageTEModel_", "HunyuanImageTokenizer", {"qwen25_7b": "qwen25_7b"})
    if model in _ONE:
        return _ONE[model]
    # Whatever else the file is, it is taken for a CLIP: bigG if it is one, else CLIP-L.
    big = model == "CLIP_G"
    if kind == "sd3":
        return _sd3(not big, big, False)
    if kind == "hidream":
        return _hidream(not big, big, False, False)
    if not big:
        return _Target("SD1ClipModel", "SD1Tokenizer", {"clip_l": "clip_l"})
    if kind == "stable_cascade":
        return _Target("StableCascadeClipModel", "StableCascadeTokenizer", {"clip_g": "clip_g"})
    return _Target("SDXLRefinerClipModel", "SDXLTokenizer", {"clip_g": "clip_g"})


_TWO = {
    "hunyuan_dit": _Target("HyditModel", "HyditTokenizer", {"hydit_clip": "hydit_clip", "mt5xl": "mt5xl"}),
    "flux": _Target("FluxClipModel_", "FluxTokenizer", {"clip_l": "clip_l", "t5xxl": "t5xxl"}),
    "hunyuan_video": _Target("HunyuanVideoClipModel_", "HunyuanVideoTokenizer", {"clip_l": "clip_l", "llama": "llama"}),
    "hunyuan_image": _Target(
        "QwenImageTEModel_", "HunyuanImageTokenizer", {"byt5_small": "byt5_small", "qwen25_7b": "qwen25_7b"}
    ),
    "sdxl": _Target("SDXLClipModel", "SDXLTokenizer", {"clip_g": "clip_g", "clip_l": "clip_l"}),
}


def _dual(models: Sequence[str], kind: str) -> _Target:
    if kind == "sd3":
        return _sd3("CLIP_L" in models, "CLIP_G" in models, "T5_XXL" in models)
    if kind == "hidream":
        return _hidream("CLIP_L" in models, "CLIP_G" in models, "T5_XXL" in models, "LLAMA3_8" in models)
    return _TWO.get(kind, _TWO["sdxl"])


def _route(target: _Target, given: Mapping[str, Shape]) -> str:
    """The sub-encoder into which the class loads a file, whether it has that one or not."""
    big = "text_model.encoder.layers.30.mlp.fc1.weight" in given
    clip = "text_model.encoder.layers.1.mlp.fc1.weight" in given
    match target.clip:
        case "SDXLClipModel":
            return "clip_g" if big else "clip_l"
        case "SD3ClipModel_":
            return "clip_g" if big else "clip_l" if clip else "t5xxl"
        case "HiDreamTEModel_":
            t5 = "encoder.block.23.layer.1.DenseReluDense.wi_1.weight" in given
            return "clip_g" if big else "clip_l" if clip else "t5xxl" if t5 else "llama"
        case "FluxClipModel_":
            return "clip_l" if clip else "t5xxl"
        case "HunyuanVideoClipModel_":
            return "clip_l" if clip else "llama"
        case "HyditModel":
            return "hydit_clip" if "bert.encoder.layer.0.attention.self.query.weight" in given else "mt5xl"
        case "QwenImageTEModel_" if target.tokenizer == "HunyuanImageTokenizer":
            return "byt5_small" if "encoder.block.0.layer.0.SelfAttention.o.weight" in given else "qwen25_7b"
    return next(iter(target.subs))


def _positions(shapes: Sequence[Mapping[str, Shape]]) -> Mapping[str, int]:
    """Rows of the position table by sub-encoder: ComfyUI sizes its CLIP-L and bigG by the file (Long-CLIP)."""
    rows = {}
    for given in shapes:
        shape = given.get("text_model.embeddings.position_embedding.weight")
        if shape and "text_model.encoder.layers.1.mlp.fc1.weight" in given:
            rows["clip_g" if "text_model.encoder.layers.30.mlp.fc1.weight" in given else "clip_l"] = shape[0]
    return rows


def _scaled(shapes: Sequence[Mapping[str, Shape]]) -> Mapping[str, bool]:
    """Whether T5s and Llama-like encoders are built for scaled fp8: the first such file decides."""
    found: dict[str, bool] = {}
    for given in shapes:
        gated = "encoder.block.23.layer.1.DenseReluDense.wi_1.weight" in given
        if gated or "encoder.block.23.layer.1.DenseReluDense.wi.weight" in given:
            found.setdefault("t5", "scaled_fp8" in given)
        if "model.layers.0.self_attn.k_proj.weight" in given:
            found.setdefault("llama", "scaled_fp8" in given)
    return found


_SCALES_LIKE = {
    **dict.fromkeys(("t5xxl", "umt5xxl", "t5xxl_old"), "t5"),
    **dict.fromkeys(("gemma2_2b", "gemma3_4b", "llama", "hidream_llama", "qwen25_3b", "qwen25_7b"), "llama"),
}
_TABLES = ("shared.", "embed_tokens.", "relative_attention_bias.", "_embedding.")


def _wanted(target: _Target, sub: str, positions: Mapping[str, int], scaled: Mapping[str, bool]) -> Mapping[str, Shape]:
    """The tensors of a sub-encoder as the loader builds it."""
    name = target.subs[sub]
    wanted = network(f"te.{name}")
    table = "text_model.embeddings.position_embedding.weight"
    if sub in positions and table in wanted:
        wanted = {**wanted, table: (positions[sub], wanted[table][1])}
    if scaled.get(_SCALES_LIKE.get(name, "")):
        scales = {
            f"{tensor.removesuffix('.weight')}.scale_weight": ()
            for tensor, shape in wanted.items()
            if len(shape) == 2 and tensor.endswith(".weight") and not any(part in tensor for part in _TABLES)
        }
        wanted = {**wanted, **scales, "scaled_fp8": (0,)}
    return wanted
