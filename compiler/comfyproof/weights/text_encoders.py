"""Text encoders: which one a file holds, and what the CLIP loaders of ComfyUI 0.3.64 make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .header import Header, Tensor
from .networks import Shape

# The types that each loader offers, by how many files it takes.
LOADER_TYPES: Mapping[int, tuple[str, ...]] = {
    1: (
        *("stable_diffusion", "stable_cascade", "sd3", "stable_audio", "mochi", "ltxv", "pixart", "cosmos", "lumina2"),
        *("wan", "hidream", "chroma", "ace", "omnigen2", "qwen_image", "hunyuan_image"),
    ),
    2: ("sdxl", "sd3", "flux", "hunyuan_video", "hidream", "hunyuan_image"),
    3: ("sd3",),
    4: ("hidream",),
}
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "CLIP_L": ("sd15", "sdxl", "sd3", "flux", "flux-schnell", "hunyuan-video", "hidream"),
    "CLIP_G": ("sdxl", "sdxl-refiner", "sd3", "cascade", "hidream"),
    "CLIP_H": ("sd2",),
    "T5_XXL": ("flux", "flux-schnell", "sd3", "chroma", "ltxv", "mochi", "hidream", "pixart-alpha", "pixart-sigma"),
    "UMT5_XXL": ("wan", "wan22-5b"),
    "T5_XXL_OLD": ("cosmos", "cosmos2"),
    "T5_XL": ("auraflow",),
    "T5_BASE": ("stable-audio", "ace-step"),
    "BYT5_SMALL_GLYPH": ("hunyuan-image",),
    "GEMMA_2_2B": ("lumina2",),
    "QWEN25_3B": ("omnigen2",),
    "QWEN25_7B": ("qwen-image", "hunyuan-image"),
}
# ComfyUI takes any Llama-like model for a Llama 3; only its table of tokens tells which one it is.
_LLAMAS: Mapping[tuple[int, int], tuple[str, ...]] = {
    (128256, 4096): ("hidream",),
    (128320, 4096): ("hunyuan-video",),
    (131072, 5120): ("flux2",),
    (151936, 2560): ("z-image",),
}
_UMT5_ROWS = 256384
_TABLES = (
    "text_model.embeddings.token_embedding.weight",
    "shared.weight",
    "encoder.embed_tokens.weight",
    "model.embed_tokens.weight",
)
_LAYER = "text_model.encoder.layers.{}.mlp.fc1.weight"
_T5_GATED = "encoder.block.23.layer.1.DenseReluDense.wi_1.weight"
_T5_PLAIN = "encoder.block.23.layer.1.DenseReluDense.wi.weight"
_LLAMA_KEYS = "model.layers.0.self_attn.k_proj.weight"
_POSITIONS = "text_model.embeddings.position_embedding.weight"


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """A text encoder: `te_model` is ComfyUI's name, `vocabulary` the rows of the token table, `width` its columns.

    `dtype` is that of the last norm, by which ComfyUI sets the type of a T5 or a Llama-like encoder, `scaled` that of
    the marker of scaled fp8; both "" where ComfyUI does not look. `families` are the model families that it is for.
    """

    te_model: str
    vocabulary: int
    width: int
    dtype: str = ""
    scaled: str = ""
    families: tuple[str, ...] = ()
    shapes: Mapping[str, Shape] = field(default_factory=dict, repr=False, compare=False)


def detect(header: Header, prefix: str = "") -> TextEncoder | None:
    """The text encoder that a file holds under a prefix; None if ComfyUI sees none."""
    tensors = _names(header.under(prefix))
    shapes = {name: shape for name, (_, shape) in tensors.items()}
    model = _model(shapes)
    if not model:
        return None
    table = next((shapes[name] for name in _TABLES if len(shapes.get(name, ())) > 1), (0, 0))
    norm = "encoder.final_layer_norm.weight" if _is_t5(shapes) else "model.norm.weight" if _is_llama(shapes) else ""
    family = "UMT5_XXL" if model == "T5_XXL" and table[0] == _UMT5_ROWS else model
    return TextEncoder(
        model,
        table[0],
        table[1],
        tensors.get(norm, ("", ()))[0],
        tensors.get("scaled_fp8", ("", ()))[0] if norm else "",
        _LLAMAS.get((table[0], table[1]), ()) if model == "LLAMA3_8" else _FAMILIES.get(family, ()),
        shapes,
    )


def gguf_error(header: Header) -> str:
    """What ComfyUI-GGUF's CLIP loader raises for a GGUF file, "" if it takes it."""
    arch = header.metadata.get("general.architecture")
    if arch in (None, "pig", "cow"):
        return "This gguf file is incompatible with llama.cpp"
    if arch in _GGUF_TEXT or header.metadata.get("general.type") in ("clip-vision", "mmproj"):
        return ""
    return f"Unexpected text model architecture type in GGUF file: {arch!r}"


def _model(shapes: Mapping[str, Shape]) -> str:
    """ComfyUI's name of the encoder, "" if it has none for it: the first sign that is there decides."""
    for layer, name in ((30, "CLIP_G"), (22, "CLIP_H"), (0, "CLIP_L")):
        if _LAYER.format(layer) in shapes:
            return name
    inner = (shapes.get(_T5_GATED) or (0,))[-1]
    if inner in (4096, 2048):
        return "T5_XXL" if inner == 4096 else "T5_XL"
    if _T5_PLAIN in shapes:
        return "T5_XXL_OLD"
    if "encoder.block.0.layer.0.SelfAttention.k.weight" in shapes:
        rows = (shapes["encoder.block.0.layer.0.SelfAttention.k.weight"] or (0,))[0]
        return "BYT5_SMALL_GLYPH" if rows == 384 else "T5_BASE"
    return _llama(shapes)


def _llama(shapes: Mapping[str, Shape]) -> str:
    layer = "model.layers.0."
    if f"{layer}post_feedforward_layernorm.weight" in shapes:
        return "GEMMA_3_4B" if f"{layer}self_attn.q_norm.weight" in shapes else "GEMMA_2_2B"
    by_rows = {256: "QWEN25_3B", 512: "QWEN25_7B"}
    rows = (shapes.get(f"{layer}self_attn.k_proj.bias") or (0,))[0]
    if rows in by_rows:
        return by_rows[rows]
    return "LLAMA3_8" if f"{layer}post_attention_layernorm.weight" in shapes else ""


def _is_t5(shapes: Mapping[str, Shape]) -> bool:
    return _T5_GATED in shapes or _T5_PLAIN in shapes


def _is_llama(shapes: Mapping[str, Shape]) -> bool:
    return _LLAMA_KEYS in shapes


# --- The names that a file's tensors have once ComfyUI has renamed them.

_GGUF_TEXT = frozenset(("t5", "t5encoder", "llama", "qwen2vl", "qwen3", "qwen3vl"))
_GGUF_T5 = (
    *(("enc.", "encoder."), (".blk.", ".block."), ("token_embd", "shared"), ("output_norm", "final_layer_norm")),
    *((f"attn_{letter}", f"layer.0.SelfAttention.{letter}") for letter in "qkvo"),
    ("attn_norm", "layer.0.layer_norm"),
    ("attn_rel_b", "layer.0.SelfAttention.relative_attention_bias"),
    ("ffn_up", "layer.1.DenseReluDense.wi_1"),
    ("ffn_down", "layer.1.DenseReluDense.wo"),
    ("ffn_gate", "layer.1.DenseReluDense.wi_0"),
    ("ffn_norm", "layer.1.layer_norm"),
)
_GGUF_LLAMA = (
    *(("blk.", "model.layers."), ("attn_norm", "input_layernorm")),
    *((f"attn_{letter}_norm.", f"self_attn.{letter}_norm.") for letter in "qkv"),
    *((f"attn_{letter}", f"self_attn.{letter}_proj") for letter in "qkv"),
    ("attn_output", "self_attn.o_proj"),
    *((f"ffn_{way}", f"mlp.{way}_proj") for way in ("up", "down", "gate")),
    ("ffn_norm", "post_attention_layernorm"),
    ("token_embd", "model.embed_tokens"),
    ("output_norm", "model.norm"),
    ("output.weight", "lm_head.weight"),
)
_OPEN_CLIP = (("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2"))
_OPEN_CLIP_TOP = {
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
    "text_projection": "text_projection.weight",
}
_OPEN_CLIP_LAYERS = 32


def _names(header: Header) -> Mapping[str, Tensor]:
    if header.format == "gguf":
        arch = header.metadata.get("general.architecture")
        table = _GGUF_T5 if arch in ("t5", "t5encoder") else _GGUF_LLAMA if arch in _GGUF_TEXT else ()
        renamed = {}
        for name, tensor in header.tensors.items():
            for old, new in table:
                name = name.replace(old, new)
            renamed[name] = tensor
        return renamed
    if "transformer.resblocks.0.ln_1.weight" in header.tensors:
        return _from_open_clip(header.tensors)
    if "text_projection" in header.tensors:
        dtype, shape = header.tensors["text_projection"]
        return {**header.tensors, "text_projection.weight": (dtype, shape[::-1])}
    return header.tensors


def _from_open_clip(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """An OpenCLIP text model's tensors under the names that Transformers has for them, its joint qkv split."""
    renamed: dict[str, Tensor] = {}
    for name, (dtype, shape) in tensors.items():
        parts = name.split(".", 3)
        if name in _OPEN_CLIP_TOP:
            renamed[_OPEN_CLIP_TOP[name]] = (dtype, shape[::-1] if name == "text_projection" else shape)
        elif not name.startswith("transformer.resblocks.") or not _is_layer(parts):
            renamed[name] = (dtype, shape)
        else:
            layer = f"text_model.encoder.layers.{parts[2]}."
            rest = parts[3]
            if rest.startswith("attn.in_proj_"):
                third = (shape[0] // 3, *shape[1:]) if shape else shape
                for letter in "qkv":
                    renamed[f"{layer}self_attn.{letter}_proj.{rest.removeprefix('attn.in_proj_')}"] = (dtype, third)
                continue
            for old, new in (*_OPEN_CLIP, ("attn.out_proj", "self_attn.out_proj")):
                if rest.startswith(f"{old}."):
                    rest = new + rest.removeprefix(old)
                    break
            renamed[layer + rest] = (dtype, shape)
    return renamed


def _is_layer(parts: Sequence[str]) -> bool:
    return len(parts) > 3 and parts[2].isascii() and parts[2].isdigit() and int(parts[2][:4]) < _OPEN_CLIP_LAYERS
