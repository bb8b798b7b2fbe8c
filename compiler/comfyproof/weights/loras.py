"""LoRAs: their style and ranks, and how much of one ComfyUI 0.3.64 applies to a base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from .header import Header, Tensor
from .keymaps import Base, Target, keymap, layout_of, own_names
from .lora_shapes import patches_of
from .networks import Shape, network

# What the names of a module's tensors end in, longest first where one ends in another.
_SUFFIXES = (
    *(".lora_up.weight", ".lora_down.weight", ".lora_mid.weight", "_lora.up.weight", "_lora.down.weight"),
    *(".lora_A.weight", ".lora_B.weight", ".lora_B.bias", ".lora.up.weight", ".lora.down.weight", ".lora_A", ".lora_B"),
    *(".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight"),
    *(".lora_A.default.weight", ".lora_B.default.weight", ".reshape_weight"),
    *(".hada_w1_a", ".hada_w1_b", ".hada_w2_a", ".hada_w2_b", ".hada_t1", ".hada_t2"),
    *(".lokr_w1", ".lokr_w1_a", ".lokr_w1_b", ".lokr_w2", ".lokr_w2_a", ".lokr_w2_b", ".lokr_t2"),
    *(".a1.weight", ".a2.weight", ".b1.weight", ".b2.weight", ".oft_blocks", ".rescale"),
    *(".diff", ".diff_b", ".set_weight", ".w_norm", ".b_norm", ".alpha", ".dora_scale"),
)
_KNOWN = frozenset(_SUFFIXES)
# Ends that aren't after a dot, and those that ComfyUI does not know but that belong to a module all the same.
_OTHERS = (
    *("_lora.up.weight", "_lora.down.weight", ".up.weight", ".down.weight"),
    *(".lora_magnitude_vector.weight", ".lora_magnitude_vector"),
)
# The tensors that say how a module is changed; the others only come along with them.
_ALGORITHMS = {
    **dict.fromkeys((".lora_up.weight", "_lora.up.weight", ".lora_B.weight", ".lora.up.weight", ".lora_B"), "lora"),
    **dict.fromkeys((".lora_linear_layer.up.weight", ".lora_B.default.weight"), "lora"),
    **dict.fromkeys((".lora_down.weight", "_lora.down.weight", ".lora_A.weight", ".lora.down.weight"), "lora"),
    **{".hada_w1_a": "loha", ".lokr_w1": "lokr", ".lokr_w1_a": "lokr", ".a1.weight": "glora", ".oft_blocks": "oft"},
    **dict.fromkeys((".diff", ".diff_b", ".set_weight", ".w_norm"), "diff"),
}
_RANKED = {
    **dict.fromkeys((".lora_down.weight", "_lora.down.weight", ".lora_A.weight", ".lora.down.weight"), 0),
    **dict.fromkeys((".lora_A", ".lora_linear_layer.down.weight", ".lora_A.default.weight"), 0),
    **{".hada_w1_b": 0, ".lokr_w1_b": 0, ".lokr_w2_b": 0},
}
_BUNDLED = "bundle_emb."
_TEXT_PREFIXES = ("lora_te", "text_encoder", "lora_prior_te", "te1_", "te2_")

# The base networks that are known, with the family each belongs to and the text encoders that ComfyUI patches with it.
BASES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "sd15": ("sd15", ("clip_l",)),
    "sd21": ("sd2", ("clip_h",)),
    "sdxl": ("sdxl", ("clip_l", "clip_g")),
    "sd3_medium": ("sd3", ("clip_l", "clip_g", "t5xxl")),
    "sd35_large": ("sd3", ("clip_l", "clip_g", "t5xxl")),
    "sd35_medium": ("sd3", ("clip_l", "clip_g", "t5xxl")),
    "flux_dev": ("flux", ("clip_l", "t5xxl")),
    "flux_schnell": ("flux-schnell", ("clip_l", "t5xxl")),
    "flux_fill": ("flux", ("clip_l", "t5xxl")),
    "chroma": ("chroma", ()),
    "lumina2": ("lumina2", ()),
    "auraflow": ("auraflow", ()),
    "pixart_sigma": ("pixart-sigma", ()),
    "hunyuandit12": ("hunyuan-dit", ("hydit_clip", "mt5xl")),
    "hunyuan_video": ("hunyuan-video", ("clip_l", "llama")),
    "ltxv_2b": ("ltxv", ()),
    "mochi": ("mochi", ()),
    "wan21_t2v_1.3b": ("wan", ()),
    "wan21_t2v_14b": ("wan", ()),
    "wan21_i2v_14b": ("wan", ()),
    "wan22_ti2v_5b": ("wan22-5b", ()),
    "qwen_image": ("qwen-image", ()),
    "hidream": ("hidream", ()),
    "omnigen2": ("omnigen2", ()),
    "cosmos_p2_2b_t2i": ("cosmos2", ()),
    "cascade_c": ("cascade", ("clip_g",)),
    "ace_step": ("ace-step", ()),
}
_ENOUGH = 0.95


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA or one of its kin.

    `algorithms` are how it changes weights: "lora", "loha", "lokr", "glora", "oft", "boft", "diff"; `naming` is the
    tool whose names it has: "kohya", "peft", "diffusers", "lycoris", "bfl-control", ... `modules` is how many weights
    it changes, `ranks` the different ranks, smallest first, `alphas` those values that the header comes with. `dora`
    says that it has magnitudes, `embeddings` how many bundled embeddings it has. `families` are those whose bases it
    fits by name and shape; a LoRA may fit several although it was trained for one.
    """

    algorithms: tuple[str, ...]
    naming: str
    modules: int
    ranks: tuple[int, ...] = ()
    alphas: tuple[float, ...] = ()
    dora: bool = False
    text_encoder: bool = False
    embeddings: int = 0
    families: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a LoRA ComfyUI applies to a base.

    `keys_not_loaded` of its `keys` are refused ("lora key not loaded"); `matched` of its `modules` have no refused
    key. Of the `patches`, `shape_ok` can be applied to the base's weights and `shape_bad` cannot, `example` naming one
    that cannot. `converted` says that ComfyUI renames the keys first.
    """

    keys: int
    keys_not_loaded: int
    modules: int
    matched: int
    unet: int
    text_encoder: int
    shape_ok: int
    shape_bad: int
    converted: bool = False
    example: str = ""

    @property
    def patches(self) -> int:
        """How many weights are changed."""
        return self.unet + self.text_encoder

    @property
    def share(self) -> float:
        """The modules that match, from 0 to 1."""
        return self.matched / self.modules if self.modules else 0.0

    @property
    def fits(self) -> bool:
        """Whether at least 95 % of the modules match and no shape is wrong."""
        return self.modules > 0 and self.share >= _ENOUGH and not self.shape_bad


def split(name: str) -> tuple[str, str]:
    """The module and the rest of a tensor's name: ("a.b", ".lora_A.weight"); the rest is "" if it is none of a LoRA."""
    at = len(name)
    for _ in range(3):
        at = name.rfind(".", 0, at)
        if at < 0:
            break
        if name[at:] in _KNOWN:
            return name[:at], name[at:]
    for suffix in _OTHERS:
        if name.endswith(suffix):
            return name.removesuffix(suffix), suffix
    return name, ""


def detect(header: Header, prefix: str = "") -> Lora | None:
    """The LoRA that a file holds; None if it is none. A Control-LoRA is a ControlNet, not a LoRA."""
    if prefix:
        header = header.under(prefix)
    if "lora_controlnet" in header.tensors or not _has_sign(header.tensors):
        return None
    modules = _modules(header)
    algorithms: dict[str, None] = {}
    ranks: set[int] = set()
    dora = False
    for tensors in modules.by_name.values():
        dora = dora or ".dora_scale" in tensors
        for suffix, shape in tensors.items():
            algorithm = _ALGORITHMS.get(suffix)
            if algorithm:
                algorithms["boft" if algorithm == "oft" and len(shape) > 3 else algorithm] = None
            axis = _RANKED.get(suffix)
            if axis is not None and shape:
                ranks.add(shape[axis])
    bundled = {name.split(".", 2)[1] for name in header.tensors if name.startswith(_BUNDLED)}
    return Lora(
        tuple(algorithms),
        _naming(header.tensors),
        len(modules.by_name),
        tuple(sorted(ranks)),
        tuple(sorted({value[0] for name, value in header.values.items() if name.endswith(".alpha") and value})),
        dora,
        any(name.startswith(_TEXT_PREFIXES) for name in modules.by_name),
        len(bundled),
        _families(modules),
    )


# One of these is in some name of every LoRA; in a model's names there is none, or few.
_HINTS = ("lora", "hada_w1_a", "lokr_w1", ".a1.weight", "oft_blocks", ".diff\n", ".diff_b\n", ".set_weight", ".w_norm")


def _has_sign(tensors: Mapping[str, Tensor]) -> bool:
    """Whether a tensor says that the file is a LoRA. Most files are asked in vain, so that it must be quick."""
    text = "\n".join(tensors) + "\n"
    if not any(hint in text for hint in _HINTS):
        return False
    for name in tensors:
        if ".processor." in name and "_lora" in name and name.endswith((".up.weight", ".down.weight")):
            return True
        if _ALGORITHMS.get(split(name)[1]):
            return True
    return False


_NAMINGS = (
    ("lora_unet_", "kohya"),
    ("lora_te", "kohya"),
    ("lora_transformer_", "onetrainer"),
    ("lora_prior_", "cascade"),
    ("lycoris_", "simpletuner"),
    ("base_model.model.", "peft"),
    ("unet.base_model.model.", "peft"),
    ("transformer.", "diffusers"),
    ("unet.", "diffusers"),
    ("text_encoder", "diffusers"),
    ("diffusion_model.", "native"),
)


def _naming(tensors: Mapping[str, Tensor]) -> str:
    converter = _converter(tensors)
    if converter:
        return converter
    for name in tensors:
        if name.startswith(_BUNDLED):
            continue
        if ".processor." in name and "_lora" in name and name.startswith(("double_blocks.", "single_blocks.")):
            return "xlabs"
        return next((naming for start, naming in _NAMINGS if name.startswith(start)), "plain")
    return "plain"


# --- Renaming: three publishers' names that ComfyUI turns into its own.


def _converter(tensors: Mapping[str, Tensor]) -> str:
    if "img_in.lora_A.weight" in tensors and "single_blocks.0.norm.key_norm.scale" in tensors:
        return "bfl-control"
    if "lora_unet__blocks_0_cross_attn_k.lora_down.weight" in tensors:
        return "wan-fun"
    last = "single_blocks.37.processor.qkv_lora.up.weight"
    if last in tensors and "double_blocks.18.processor.qkv_lora2.up.weight" in tensors:
        return "uso"
    return ""


_USO = (
    *((".down.weight", ".lora_down.weight"), (".up.weight", ".lora_up.weight")),
    *((".qkv_lora2.", ".txt_attn.qkv."), (".qkv_lora1.", ".img_attn.qkv.")),
    *((".proj_lora1.", ".img_attn.proj."), (".proj_lora2.", ".txt_attn.proj.")),
    *((".qkv_lora.", ".linear1_qkv."), (".proj_lora.", ".linear2."), (".processor.", ".")),
)
_BFL = ((".lora_B.bias", ".diff_b"), ("_norm.scale", "_norm.scale.set_weight"))


def _converted(tensors: Mapping[str, Tensor]) -> tuple[Mapping[str, Tensor], Shape | None]:
    """The tensors under ComfyUI's names, and the shape to which the first layer is padded, if one says so."""
    converter = _converter(tensors)
    if converter == "wan-fun":
        start = "lora_unet__"
        return {
            "lora_unet_" + name.removeprefix(start) if name.startswith(start) else name: tensor
            for name, tensor in tensors.items()
        }, None
    if not converter:
        return tensors, None
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        for old, new in _BFL if converter == "bfl-control" else _USO:
            name = name.replace(old, new)
        renamed["diffusion_model." + name] = tensor
    if converter == "uso":
        return renamed, None
    renamed["diffusion_model.img_in.reshape_weight"] = ("I64", (2,))
    up, down = tensors.get("img_in.lora_B.weight", ("", ()))[1], tensors["img_in.lora_A.weight"][1]
    return renamed, (up[0] if up else 0, down[1] if len(down) > 1 else 0)


# --- Coverage.


def bases_of(family: str) -> tuple[str, ...]:
    """The names in `BASES` of a family."""
    return tuple(name for name, (its, _) in BASES.items() if its == family)


@lru_cache(maxsize=64)
def known_base(name: str) -> Base:
    """The base of a name in `BASES`. Raises KeyError for another name."""
    unet = network(name)
    text = {
        f"{encoder}.transformer.{tensor}": shape
        for encoder in BASES[name][1]
        for tensor, shape in network(f"te.{encoder}").items()
    }
    return Base(layout_of(unet), unet, text)


_USUAL_PREFIX = "model.diffusion_model."


def base_of(header: Header, encoders: tuple[str, ...] | None = None, prefix: str = "") -> Base:
    """The base that a model file is, its own names and shapes, which start with a prefix.

    Without one it is a diffusion model, or a checkpoint with the usual prefix. `encoders` are the text encoders that
    are patched with it ("clip_l"); by default those that its family has. A file in Diffusers' names must be judged by
    its family's base of `BASES` instead.
    """
    if not prefix and header.has_under(_USUAL_PREFIX):
        prefix = _USUAL_PREFIX
    own = header.under(prefix)
    unet = own_names({name: shape for name, (_, shape) in own.tensors.items()})
    layout = layout_of(unet)
    text = {
        f"{encoder}.transformer.{tensor}": shape
        for encoder in (_encoders(layout, unet) if encoders is None else encoders)
        for tensor, shape in network(f"te.{encoder}").items()
    }
    return Base(layout, unet, text)


_ENCODERS = {
    **{"sd3": ("clip_l", "clip_g", "t5xxl"), "flux": ("clip_l", "t5xxl"), "cascade": ("clip_g",)},
    **{"hunyuandit": ("hydit_clip", "mt5xl"), "hunyuan-video": ("clip_l", "llama")},
}
_BY_CONTEXT = {768: ("clip_l",), 1024: ("clip_h",), 1280: ("clip_g",), 2048: ("clip_l", "clip_g")}


def _encoders(layout: str, unet: Mapping[str, Shape]) -> tuple[str, ...]:
    """The text encoders that a model of a layout is used with; of a UNet by the width of its prompts."""
    if layout == "unet":
        widths = (shape[1] for name, shape in unet.items() if name.endswith(".attn2.to_k.weight") and len(shape) > 1)
        return _BY_CONTEXT.get(next(widths, 0), ())
    chroma = any(name.startswith("distilled_guidance_layer.") for name in unet)
    return () if chroma else _ENCODERS.get(layout, ())


@lru_cache(maxsize=64)
def _known_map(name: str) -> Mapping[str, tuple[int, Target]]:
    return _numbered(known_base(name))


def _numbered(base: Base) -> Mapping[str, tuple[int, Target]]:
    return {alias: (number, target) for number, (alias, target) in enumerate(keymap(base).items())}


def coverage(header: Header, base: str | Base | Header) -> Coverage:
    """How much of a LoRA ComfyUI applies to a base: one of `BASES` by name, or the model file that is at hand.

    Raises KeyError for a name that is not in `BASES`.
    """
    if isinstance(base, str):
        return _coverage(_modules(header), known_base(base), _known_map(base))
    weights = base_of(base) if isinstance(base, Header) else base
    return _coverage(_modules(header), weights, _numbered(weights))


def coverages(header: Header) -> dict[str, Coverage]:
    """The coverage for every base of `BASES` to which anything of a LoRA applies."""
    modules = _modules(header)
    found = ((name, _coverage(modules, known_base(name), _known_map(name))) for name in BASES)
    return {name: covered for name, covered in found if covered.patches}


@dataclass(frozen=True, slots=True)
class _Modules:
    """The tensors of a LoRA by module and suffix, under ComfyUI's names."""

    by_name: Mapping[str, Mapping[str, Shape]]
    keys: int
    reshape: Shape | None
    converted: bool


def _modules(header: Header) -> _Modules:
    tensors, reshape = _converted(header.tensors)
    found: dict[str, dict[str, Shape]] = {}
    for name, (_, shape) in tensors.items():
        if name.startswith(_BUNDLED):
            continue
        module, suffix = split(name)
        found.setdefault(module, {})[suffix] = shape
    return _Modules(found, len(tensors), reshape, tensors is not header.tensors)


def _coverage(modules: _Modules, base: Base, aliases: Mapping[str, tuple[int, Target]]) -> Coverage:
    hits = sorted((aliases[name][0], name) for name in modules.by_name if name in aliases)
    patched: dict[Target, bool] = {}
    loaded, matched = 0, 0
    for _, name in hits:
        target = aliases[name][1]
        tensors = modules.by_name[name]
        reshape = modules.reshape if name == "diffusion_model.img_in" else None
        patches, used = patches_of(tensors, target, base, reshape)
        patched.update(patches)
        loaded += len(used)
        matched += len(used) == len(tensors)
    bad = [name for (name, _), fine in patched.items() if not fine]
    unet = sum(name.startswith("diffusion_model.") for name, _ in patched)
    return Coverage(
        modules.keys,
        modules.keys - loaded,
        len(modules.by_name),
        matched,
        unet,
        len(patched) - unet,
        len(patched) - len(bad),
        len(bad),
        modules.converted,
        bad[0] if bad else "",
    )


def fits(header: Header) -> tuple[str, ...]:
    """The bases of `BASES` that a LoRA fits: at least 95 % of its modules match and no shape is wrong."""
    modules = _modules(header)
    return tuple(name for name in BASES if _does_fit(modules, name))


def _families(modules: _Modules) -> tuple[str, ...]:
    """The families that a LoRA fits: one base of each is enough."""
    found: dict[str, None] = {}
    for name, (family, _) in BASES.items():
        if family not in found and _does_fit(modules, name):
            found[family] = None
    return tuple(found)


def _does_fit(modules: _Modules, name: str) -> bool:
    aliases = _known_map(name)
    return _may_fit(modules, aliases) and _coverage(modules, known_base(name), aliases).fits


def _may_fit(modules: _Modules, aliases: Mapping[str, tuple[int, Target]]) -> bool:
    """Whether enough names are known: much quicker to tell than the shapes."""
    missing = len(modules.by_name) * (1 - _ENOUGH)
    for name in modules.by_name:
        if name not in aliases:
            missing -= 1
            if missing < 0:
                return False
    return True
