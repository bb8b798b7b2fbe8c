"""keymaps: the names under which ComfyUI 0.3.64 finds a LoRA's patches for the weights of a base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .networks import Shape

# Part of a weight's rows, (start, length), for the q, k and v of a joint weight; None is the whole.
Rows = tuple[int, int] | None
Target = tuple[str, Rows]

_MODEL = "diffusion_model."
_WEIGHT = ".weight"


@dataclass(frozen=True, slots=True)
class Base:
    """The weights of a base: `unet` by name without prefix, `text` by name as ComfyUI holds its text encoders.

    `layout` says which extra names ComfyUI gives them: "unet", "sd3", "flux", "hunyuan-video" ..., "" for none.
    """

    layout: str
    unet: Mapping[str, Shape]
    text: Mapping[str, Shape]

    def shape(self, target: str) -> Shape | None:
        """The shape of a patched weight, None where the base has none of that name."""
        if target.startswith(_MODEL):
            return self.unet.get(target.removeprefix(_MODEL))
        return self.text.get(target)


# In the order in which ComfyUI tells models apart: the first sign that is there decides.
_LAYOUTS = (
    ("joint_blocks.0.context_block.attn.qkv.weight", "sd3"),
    ("clip_txt_mapper.weight", "cascade"),
    ("double_layers.0.attn.w1q.weight", "auraflow"),
    ("mlp_t5.0.weight", "hunyuandit"),
    ("txt_in.individual_token_refiner.blocks.0.norm1.weight", "hunyuan-video"),
    ("double_blocks.0.img_attn.norm.key_norm.scale", "flux"),
    ("t5_yproj.weight", "plain"),
    ("adaln_single.emb.timestep_embedder.linear_1.bias", ""),
    ("genre_embedder.weight", "plain"),
    ("t_block.1.weight", "pixart"),
    ("caption_projection.0.linear.weight", "hidream"),
    ("time_caption_embed.timestep_embedder.linear_1.bias", "plain"),
    ("txt_norm.weight", "qwen"),
    ("input_blocks.0.0.weight", "unet"),
)


def layout_of(unet: Mapping[str, Shape]) -> str:
    """Which extra LoRA names ComfyUI gives the weights of a model, by the model's own names."""
    layout = next((layout for sign, layout in _LAYOUTS if sign in unet), "")
    # HunyuanImage has HunyuanVideo's names, but not its LoRA names; it has no vector of the prompt.
    return "" if layout == "hunyuan-video" and "vector_in.in_layer.weight" not in unet else layout


# HunyuanVideo's own names for what ComfyUI names as Flux does, in the order in which ComfyUI replaces them.
_RENAMED = (
    ("txt_in.t_embedder.mlp.0.", "txt_in.t_embedder.in_layer."),
    ("txt_in.t_embedder.mlp.2.", "txt_in.t_embedder.out_layer."),
    ("txt_in.c_embedder.linear_1.", "txt_in.c_embedder.in_layer."),
    ("txt_in.c_embedder.linear_2.", "txt_in.c_embedder.out_layer."),
    *(("_mod.linear.", "_mod.lin."), ("_attn_qkv.", "_attn.qkv."), ("mlp.fc1.", "mlp.0."), ("mlp.fc2.", "mlp.2.")),
    *(("_attn_q_norm.weight", "_attn.norm.query_norm.scale"), ("_attn_k_norm.weight", "_attn.norm.key_norm.scale")),
    *((".q_norm.weight", ".norm.query_norm.scale"), (".k_norm.weight", ".norm.key_norm.scale")),
    *(("_attn_proj.", "_attn.proj."), (".modulation.linear.", ".modulation.lin.")),
    *(("_in.mlp.2.", "_in.out_layer."), ("_in.mlp.0.", "_in.in_layer.")),
)


def own_names(unet: Mapping[str, Shape]) -> Mapping[str, Shape]:
    """The weights of a model under the names that ComfyUI gives them when it loads them."""
    if "txt_in.individual_token_refiner.blocks.0.norm1.weight" not in unet:
        return unet
    renamed: dict[str, Shape] = {}
    for name, shape in unet.items():
        for old, new in _RENAMED:
            name = name.replace(old, new)
        renamed[name] = shape
    return renamed


def keymap(base: Base) -> dict[str, Target]:
    """Every name that ComfyUI looks for in a LoRA, with the weight it belongs to, in ComfyUI's order."""
    found: dict[str, Target] = {}
    for name in base.unet:
        target = (_MODEL + name, None)
        if name.endswith(_WEIGHT):
            stem = name.removesuffix(_WEIGHT)
            found["lora_unet_" + stem.replace(".", "_")] = target
            found[_MODEL + stem] = target
        else:
            found[_MODEL + name] = target
    found.update(_extra(base))
    found.update(_text(base.text))
    return found


def _extra(base: Base) -> Iterator[tuple[str, Target]]:
    match base.layout:
        case "unet":
            yield from _unet_names(base.unet)
        case "sd3":
            prefixes = ("transformer.", "base_model.model.", "lora_transformer_", "lycoris_")
            yield from _prefixed(_sd3(base.unet), prefixes)
        case "auraflow":
            yield from _prefixed(_auraflow(base.unet), ("transformer.",))
        case "pixart":
            yield from _prefixed(_pixart(base.unet), ("transformer.", "base_model.model.", "unet.base_model.model."))
        case "flux":
            yield from _prefixed(_flux(base.unet), ("transformer.", "lycoris_", "lora_transformer_"))
            hidden = (base.unet.get("double_blocks.0.img_attn.proj.weight") or (0,))[0]
            for name in base.unet:
                if name.endswith(".linear1.weight"):
                    yield _MODEL + name.removesuffix(_WEIGHT) + "_qkv", (_MODEL + name, (0, hidden * 3))
        case layout:
            yield from _own_names(base.unet, layout)


_OWN_PREFIXES = {
    "cascade": ("lora_prior_unet_",),
    "hunyuandit": ("base_model.model.",),
    "plain": ("",),
    "hidream": ("lycoris_", "transformer."),
    "qwen": ("", "transformer.", "lycoris_"),
}
_HUNYUAN_VIDEO = (
    *(("_mod.lin.", "_mod.linear."), ("_attn.qkv.", "_attn_qkv."), ("_attn.proj.", "_attn_proj.")),
    *(("mlp.0.", "mlp.fc1."), ("mlp.2.", "mlp.fc2."), (".modulation.lin.", ".modulation.linear.")),
)


def _own_names(unet: Mapping[str, Shape], layout: str) -> Iterator[tuple[str, Target]]:
    """Layouts whose LoRAs use the model's own names, behind prefixes."""
    for name in unet:
        if not name.endswith(_WEIGHT):
            continue
        target = (_MODEL + name, None)
        if layout == "hunyuan-video":
            for old, new in _HUNYUAN_VIDEO:
                name = name.replace(old, new)
            stem = name.removesuffix(_WEIGHT)
            yield f"transformer.{stem}", target
            yield f"{_MODEL}{stem}", target
            continue
        stem = name.removesuffix(_WEIGHT)
        for prefix in _OWN_PREFIXES.get(layout, ()):
            yield prefix + (stem.replace(".", "_") if prefix.endswith("_") else stem), target


def _prefixed(names: Iterator[tuple[str, Target]], prefixes: tuple[str, ...]) -> Iterator[tuple[str, Target]]:
    """Diffusers names behind each prefix; a prefix that ends in "_" has dots as "_" too."""
    for name, target in names:
        for prefix in prefixes:
            yield prefix + (name.replace(".", "_") if prefix.endswith("_") else name), target


# --- Diffusers' names, without ".weight", for the weights of each transformer. "{q}" stands for q, k and v, whose
# --- rows follow each other in a joint weight.

_SD3_BLOCK = (
    *(("norm1_context.linear", "context_block.adaLN_modulation.1"), ("attn.to_add_out", "context_block.attn.proj")),
    *(("ff_context.net.0.proj", "context_block.mlp.fc1"), ("ff_context.net.2", "context_block.mlp.fc2")),
    *(("attn.norm_added_q", "context_block.attn.ln_q"), ("attn.norm_added_k", "context_block.attn.ln_k")),
    *(("norm1.linear", "x_block.adaLN_modulation.1"), ("attn.to_out.0", "x_block.attn.proj")),
    *(("attn.norm_q", "x_block.attn.ln_q"), ("attn.norm_k", "x_block.attn.ln_k")),
    *(("attn2.to_out.0", "x_block.attn2.proj"), ("attn2.norm_q", "x_block.attn2.ln_q")),
    *(("attn2.norm_k", "x_block.attn2.ln_k"), ("ff.net.0.proj", "x_block.mlp.fc1"), ("ff.net.2", "x_block.mlp.fc2")),
)
_TIME = (("t_embedder.mlp.0", "linear_1"), ("t_embedder.mlp.2", "linear_2"))
_SD3_TOP = (
    ("context_embedder", "context_embedder"),
    *((f"time_text_embed.timestep_embedder.{theirs}", own) for own, theirs in _TIME),
    ("pos_embed.proj", "x_embedder.proj"),
    ("time_text_embed.text_embedder.linear_1", "y_embedder.mlp.0"),
    ("time_text_embed.text_embedder.linear_2", "y_embedder.mlp.2"),
    *(("norm_out.linear", "final_layer.adaLN_modulation.1"), ("proj_out", "final_layer.linear")),
)


def _joint(names: tuple[str, ...], target: str, width: int) -> Iterator[tuple[str, Target]]:
    for number, name in enumerate(names):
        yield name, (target, (number * width, width))


def _same(
    pairs: tuple[tuple[str, str], ...], theirs: str, own: str, end: str = _WEIGHT
) -> Iterator[tuple[str, Target]]:
    for name, target in pairs:
        yield theirs + name, (f"{_MODEL}{own}{target}{'' if target.endswith('.scale') else end}", None)


def _sd3(unet: Mapping[str, Shape]) -> Iterator[tuple[str, Target]]:
    depth = (unet.get("x_embedder.proj.weight") or (0,))[0] // 64
    width = depth * 64
    for block in range(depth):
        theirs, own = f"transformer_blocks.{block}.", f"joint_blocks.{block}."
        for letters, joint in (
            (("attn.to_q", "attn.to_k", "attn.to_v"), "x_block.attn.qkv"),
            (("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"), "context_block.attn.qkv"),
            (("attn2.to_q", "attn2.to_k", "attn2.to_v"), "x_block.attn2.qkv"),
        ):
            yield from _joint(tuple(theirs + name for name in letters), f"{_MODEL}{own}{joint}{_WEIGHT}", width)
        yield from _same(_SD3_BLOCK, theirs, own)
    yield from _same(_SD3_TOP, "", "")


_FLUX_DOUBLE = (
    *(("attn.to_out.0", "img_attn.proj"), ("norm1.linear", "img_mod.lin"), ("norm1_context.linear", "txt_mod.lin")),
    *(("attn.to_add_out", "txt_attn.proj"), ("ff.net.0.proj", "img_mlp.0"), ("ff.net.2", "img_mlp.2")),
    *(("ff_context.net.0.proj", "txt_mlp.0"), ("ff_context.net.2", "txt_mlp.2")),
    *(("attn.norm_q", "img_attn.norm.query_norm.scale"), ("attn.norm_k", "img_attn.norm.key_norm.scale")),
    *(("attn.norm_added_q", "txt_attn.norm.query_norm.scale"), ("attn.norm_added_k", "txt_attn.norm.key_norm.scale")),
)
_FLUX_SINGLE = (
    *(("norm.linear", "modulation.lin"), ("proj_out", "linear2")),
    *(("attn.norm_q", "norm.query_norm.scale"), ("attn.norm_k", "norm.key_norm.scale")),
)
_FLUX_TOP = (
    *(("proj_out", "final_layer.linear"), ("x_embedder", "img_in"), ("context_embedder", "txt_in")),
    *(
        (f"time_text_embed.{theirs}.linear_{number}", f"{own}.{layer}_layer")
        for theirs, own in (
            ("timestep_embedder", "time_in"),
            ("text_embedder", "vector_in"),
            ("guidance_embedder", "guidance_in"),
        )
        for number, layer in ((1, "in"), (2, "out"))
    ),
    *(("norm_out.linear", "final_layer.adaLN_modulation.1"), ("controlnet_x_embedder", "pos_embed_input")),
)


def _count(unet: Mapping[str, Shape], stem: str) -> int:
    return len({rest.split(".", 1)[0] for name in unet if name.startswith(stem) for rest in (name[len(stem) :],)})


def _flux(unet: Mapping[str, Shape]) -> Iterator[tuple[str, Target]]:
    width = (unet.get("double_blocks.0.img_attn.proj.weight") or (0,))[0]
    for block in range(_count(unet, "double_blocks.")):
        theirs, own = f"transformer_blocks.{block}.", f"double_blocks.{block}."
        image = tuple(f"{theirs}attn.to_{letter}" for letter in "qkv")
        text = tuple(f"{theirs}attn.add_{letter}_proj" for letter in "qkv")
        yield from _joint(image, f"{_MODEL}{own}img_attn.qkv{_WEIGHT}", width)
        yield from _joint(text, f"{_MODEL}{own}txt_attn.qkv{_WEIGHT}", width)
        yield from _same(_FLUX_DOUBLE, theirs, own)
    for block in range(_count(unet, "single_blocks.")):
        theirs, own = f"single_transformer_blocks.{block}.", f"single_blocks.{block}."
        target = f"{_MODEL}{own}linear1{_WEIGHT}"
        yield from _joint(tuple(f"{theirs}attn.to_{letter}" for letter in "qkv"), target, width)
        yield f"{theirs}proj_mlp", (target, (width * 3, width * 4))
        yield from _same(_FLUX_SINGLE, theirs, own)
    yield from _same(_FLUX_TOP, "", "")


_AURA_DOUBLE = (
    *((f"attn.to_{letter}", f"attn.w2{letter}") for letter in "qkv"),
    ("attn.to_out.0", "attn.w2o"),
    *((f"attn.add_{letter}_proj", f"attn.w1{letter}") for letter in "qkv"),
    ("attn.to_add_out", "attn.w1o"),
    *(("ff.linear_1", "mlpX.c_fc1"), ("ff.linear_2", "mlpX.c_fc2"), ("ff.out_projection", "mlpX.c_proj")),
    *(("ff_context.linear_1", "mlpC.c_fc1"), ("ff_context.linear_2", "mlpC.c_fc2")),
    *(("ff_context.out_projection", "mlpC.c_proj"), ("norm1.linear", "modX.1"), ("norm1_context.linear", "modC.1")),
)
_AURA_SINGLE = (
    *((f"attn.to_{letter}", f"attn.w1{letter}") for letter in "qkv"),
    *(("attn.to_out.0", "attn.w1o"), ("norm1.linear", "modCX.1")),
    *(("ff.linear_1", "mlp.c_fc1"), ("ff.linear_2", "mlp.c_fc2"), ("ff.out_projection", "mlp.c_proj")),
)
_AURA_TOP = (
    *((f"time_step_proj.{theirs}", own) for own, theirs in _TIME),
    *(("context_embedder", "cond_seq_linear"), ("pos_embed.proj", "init_x_linear")),
    *(("proj_out", "final_linear"), ("norm_out.linear", "modF.1")),
)


def _auraflow(unet: Mapping[str, Shape]) -> Iterator[tuple[str, Target]]:
    for block in range(_count(unet, "double_layers.")):
        yield from _same(_AURA_DOUBLE, f"joint_transformer_blocks.{block}.", f"double_layers.{block}.")
    for block in range(_count(unet, "single_layers.")):
        yield from _same(_AURA_SINGLE, f"single_transformer_blocks.{block}.", f"single_layers.{block}.")
    yield from _same(_AURA_TOP, "", "")


_PIXART_BLOCK = (
    *(("attn1.to_out.0", "attn.proj"), ("ff.net.0.proj", "mlp.fc1"), ("ff.net.2", "mlp.fc2")),
    ("attn2.to_out.0", "cross_attn.proj"),
)
_PIXART_TOP = (
    *(
        (f"adaln_single.emb.{theirs}.linear_{number}", f"{own}.mlp.{layer}")
        for theirs, own in (
            ("resolution_embedder", "csize_embedder"),
            ("aspect_ratio_embedder", "ar_embedder"),
            ("timestep_embedder", "t_embedder"),
        )
        for number, layer in ((1, 0), (2, 2))
    ),
    ("pos_embed.proj", "x_embedder.proj"),
    *((f"caption_projection.linear_{number}", f"y_embedder.y_proj.fc{number}") for number in (1, 2)),
    *(("adaln_single.linear", "t_block.1"), ("proj_out", "final_layer.linear")),
)


def _pixart(unet: Mapping[str, Shape]) -> Iterator[tuple[str, Target]]:
    width = (unet.get("blocks.0.attn.proj.weight") or (1152,))[0]
    for block in range(_count(unet, "blocks.")):
        theirs, own = f"transformer_blocks.{block}.", f"{_MODEL}blocks.{block}."
        own_attention = tuple(f"{theirs}attn1.to_{letter}" for letter in "qkv")
        yield from _joint(own_attention, f"{own}attn.qkv{_WEIGHT}", width)
        yield f"{theirs}attn2.to_q", (f"{own}cross_attn.q_linear{_WEIGHT}", None)
        crossed = (f"{theirs}attn2.to_k", f"{theirs}attn2.to_v")
        yield from _joint(crossed, f"{own}cross_attn.kv_linear{_WEIGHT}", width)
        yield from _same(_PIXART_BLOCK, theirs, f"blocks.{block}.")
    yield from _same(_PIXART_TOP, "", "")


# --- UNets: the blocks that Diffusers counts by level, ComfyUI in one row.

_RESNET = (
    *(("conv1", "in_layers.2"), ("time_emb_proj", "emb_layers.1"), ("conv2", "out_layers.3")),
    *(("conv_shortcut", "skip_connection"), ("norm1", "in_layers.0"), ("norm2", "out_layers.0")),
)
_TRANSFORMER = (
    *("norm1", "norm2", "norm3", "ff.net.0.proj", "ff.net.2"),
    *(f"attn{number}.{part}" for number in (1, 2) for part in ("to_q", "to_k", "to_v", "to_out.0")),
)
_UNET_TOP = (
    *((f"class_embedding.linear_{number}", f"label_emb.0.{layer}") for number, layer in ((1, 0), (2, 2))),
    *((f"add_embedding.linear_{number}", f"label_emb.0.{layer}") for number, layer in ((1, 0), (2, 2))),
    *(("conv_in", "input_blocks.0.0"), ("conv_norm_out", "out.0"), ("conv_out", "out.2")),
    *((f"time_embedding.linear_{number}", f"time_embed.{layer}") for number, layer in ((1, 0), (2, 2))),
)


def _unet_names(unet: Mapping[str, Shape]) -> Iterator[tuple[str, Target]]:
    for theirs, own in _unet(unet):
        target = (f"{_MODEL}{own}{_WEIGHT}", None)
        flat = theirs.replace(".", "_")
        yield f"lora_unet_{flat}", target
        yield f"lycoris_{flat}", target
        processor = theirs.replace(".to_", ".processor.to_")
        if processor.endswith(".to_out.0"):
            processor = processor.removesuffix(".0")
        yield processor, target
        yield f"unet.{processor}", target


def _unet(unet: Mapping[str, Shape]) -> Iterator[tuple[str, str]]:
    """Diffusers' name and ComfyUI's of every module of a UNet, the down- and upsamplers that it lacks among them."""
    levels = _levels(unet)
    for level, blocks in enumerate(levels):
        for number, block in enumerate(blocks):
            yield from _resnet(f"down_blocks.{level}.resnets.{number}.", f"input_blocks.{block}.0.")
            yield from _attention(unet, f"down_blocks.{level}.attentions.{number}.", f"input_blocks.{block}.1.")
        yield f"down_blocks.{level}.downsamplers.0.conv", f"input_blocks.{blocks[-1] + 1}.0.op"
    yield from _attention(unet, "mid_block.attentions.0.", "middle_block.1.", always=True)
    yield from _resnet("mid_block.resnets.0.", "middle_block.0.")
    yield from _resnet("mid_block.resnets.1.", "middle_block.2.")
    block = 0
    for level, blocks in enumerate(reversed(levels)):
        for number in range(len(blocks) + 1):
            own = f"output_blocks.{block}."
            yield from _resnet(f"up_blocks.{level}.resnets.{number}.", f"{own}0.")
            attended = f"{own}1.transformer_blocks.0.norm1.weight" in unet
            yield from _attention(unet, f"up_blocks.{level}.attentions.{number}.", f"{own}1.")
            if number == len(blocks):
                yield f"up_blocks.{level}.upsamplers.0.conv", f"{own}{2 if attended else 1}.conv"
            block += 1
    yield from _UNET_TOP


def _levels(unet: Mapping[str, Shape]) -> list[list[int]]:
    """The numbers of the input blocks with a resnet, by level: a downsampler ends one."""
    levels: list[list[int]] = [[]]
    for block in range(1, _count(unet, "input_blocks.")):
        if f"input_blocks.{block}.0.op.weight" in unet:
            levels.append([])
        else:
            levels[-1].append(block)
    return [level for level in levels if level]


def _resnet(theirs: str, own: str) -> Iterator[tuple[str, str]]:
    for name, part in _RESNET:
        yield theirs + name, own + part


def _attention(unet: Mapping[str, Shape], theirs: str, own: str, always: bool = False) -> Iterator[tuple[str, str]]:
    depth = 0
    while f"{own}transformer_blocks.{depth}.norm1.weight" in unet:
        depth += 1
    if depth or always:
        for name in ("proj_in", "proj_out", "norm"):
            yield theirs + name, own + name
    for number in range(depth):
        for part in _TRANSFORMER:
            name = f"transformer_blocks.{number}.{part}"
            yield theirs + name, own + name


# --- Text encoders.

_CLIP_PARTS = (
    *("mlp.fc1", "mlp.fc2", "self_attn.k_proj", "self_attn.q_proj", "self_attn.v_proj"),
    "self_attn.out_proj",
)
_CLIP_LAYERS = 32


def _text(text: Mapping[str, Shape]) -> Iterator[tuple[str, Target]]:
    if not text:
        return
    for name in text:
        if name.endswith(_WEIGHT):
            yield "text_encoders." + name.removesuffix(_WEIGHT), (name, None)
    has_l = any(name.startswith("clip_l.") for name in text)
    has_g = any(name.startswith("clip_g.") for name in text)
    for encoder, prefixes in (
        ("clip_h", ("lora_te_", "lora_te1_", "text_encoder.")),
        ("clip_l", ("lora_te_", "lora_te1_", "text_encoder.")),
        ("clip_g", ("lora_te2_", "text_encoder_2.") if has_l else ("lora_te_", "text_encoder.", "lora_prior_te_")),
    ):
        yield from _clip(text, encoder, prefixes)
    yield from _t5_and_bert(text, has_l, has_g)
    for name, aliases in (
        ("clip_g.transformer.text_projection.weight", ("lora_prior_te_text_projection", "lora_te2_text_projection")),
        ("clip_l.transformer.text_projection.weight", ("lora_te1_text_projection",)),
    ):
        if name in text:
            yield from ((alias, (name, None)) for alias in aliases)


def _clip(text: Mapping[str, Shape], encoder: str, prefixes: tuple[str, ...]) -> Iterator[tuple[str, Target]]:
    for layer in range(_CLIP_LAYERS):
        for part in _CLIP_PARTS:
            stem = f"text_model.encoder.layers.{layer}.{part}"
            name = f"{encoder}.transformer.{stem}{_WEIGHT}"
            if name in text:
                for prefix in prefixes:
                    yield prefix + (stem.replace(".", "_") if prefix.endswith("_") else stem), (name, None)


def _t5_and_bert(text: Mapping[str, Shape], has_l: bool, has_g: bool) -> Iterator[tuple[str, Target]]:
    numbers = (3,) if has_l and has_g else (2, 3) if has_l else (2,) if has_g else (1,)
    for name in text:
        if not name.endswith(_WEIGHT):
            continue
        stem = name.removesuffix(_WEIGHT)
        if name.startswith("t5xxl.transformer."):
            flat = stem.removeprefix("t5xxl.transformer.").replace(".", "_")
            yield from ((f"lora_te{number}_{flat}", (name, None)) for number in numbers)
        elif name.startswith("hydit_clip.transformer.bert."):
            flat = stem.removeprefix("hydit_clip.transformer.bert.").replace(".", "_")
            yield f"lora_te1_{flat}", (name, None)
