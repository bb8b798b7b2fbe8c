"""Model files with true headers and no weights: as long as real ones, and empty on the disk but for the header."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path

from comfyproof.weights.networks import network

SIZES = {"F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1}
Shape = tuple[int, ...]
Tensors = Mapping[str, tuple[str, Shape]]


def write_safetensors(file: Path, tensors: Tensors, metadata: Mapping[str, str] | None = None, cut: int = 0) -> Path:
    """A safetensors file of these tensors; `cut` bytes are missing at its end."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, (dtype, shape) in tensors.items():
        start, end = end, end + prod(shape) * SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + end - cut)
    return file


def write_gguf(file: Path, tensors: Tensors, architecture: str = "flux") -> Path:
    """A GGUF file of these tensors, matrices in blocks of four bits, the rest in full."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 1)
    out += text("general.architecture") + struct.pack("<I", 8) + text(architecture)
    place = 0
    for name, (_, shape) in tensors.items():
        blocks = len(shape) == 2 and shape[1] % 256 == 0
        out += text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        out += struct.pack("<IQ", 12 if blocks else 0, place)
        place += -(-prod(shape) * (9 if blocks else 64) // 16 // 32) * 32
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        stream.write(out)
        stream.truncate(-(-len(out) // 32) * 32 + place)
    return file


def of(name: str, dtype: str = "F16", prefix: str = "") -> Tensors:
    """The tensors of a network that is known by name, such as "sdxl" or "te.clip_l"."""
    return {f"{prefix}{tensor}": (dtype, shape) for tensor, shape in network(name).items()}


def vae(channels: int, dtype: str = "F32", prefix: str = "") -> Tensors:
    """The tensors of a VAE whose latents have so many channels."""
    sizes = {-1: channels, -2: 2 * channels, -3: channels, -6: 2 * channels}
    return {
        f"{prefix}{tensor}": (dtype, tuple(sizes.get(side, side) for side in shape))
        for tensor, shape in network("vae.kl").items()
    }


def lora(base: str, rank: int = 16, layers: Iterable[str] = ("attn", "proj", "fc", "mlp"), prefix: str = "") -> Tensors:
    """A LoRA on the matrices of a network, with the network's own names."""
    found: dict[str, tuple[str, Shape]] = {}
    for tensor, shape in network(base).items():
        if len(shape) == 2 and tensor.endswith(".weight") and any(word in tensor for word in layers):
            stem = f"{prefix}{tensor.removesuffix('.weight')}"
            found[f"{stem}.lora_A.weight"] = ("F16", (rank, shape[1]))
            found[f"{stem}.lora_B.weight"] = ("F16", (shape[0], rank))
    return found


def write_pickle(file: Path, tensors: Mapping[str, Shape], calls: Iterable[str] = ()) -> Path:
    """A file of PyTorch's with these tensors, which names these functions, too; nothing is called to write it."""
    found = [b"\x80\x02}("]
    for number, (name, shape) in enumerate(tensors.items()):
        found += [_text(name), _tensor(str(number), shape)]
    for call in calls:
        module, _, last = call.rpartition(".")
        found += [_text(last), f"c{module}\n{last}\n".encode()]
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"".join((*found, b"u.")))
        archive.writestr("archive/version", "3\n")
    return file


def _text(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()


def _numbers(numbers: Iterable[int]) -> bytes:
    return b"(" + b"".join(b"J" + struct.pack("<i", number) for number in numbers) + b"t"


def _tensor(key: str, shape: Shape) -> bytes:
    strides = [prod(shape[at + 1 :]) for at in range(len(shape))]
    storage = b"(" + _text("storage") + b"ctorch\nFloatStorage\n" + _text(key) + _text("cpu") + b"J"
    storage += struct.pack("<i", prod(shape)) + b"tQ"
    made = b"J\0\0\0\0" + _numbers(shape) + _numbers(strides) + b"\x89" + b"ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + made + b"tR"


def esrgan(blocks: int = 23) -> Mapping[str, Shape]:
    """An ESRGAN that enlarges four times, in its old names."""
    found: dict[str, Shape] = {"model.0.weight": (64, 3, 3, 3)}
    for block in range(blocks):
        for dense in (1, 2, 3):
            for conv in range(1, 6):
                sizes = (64 if conv == 5 else 32, 64 + 32 * (conv - 1), 3, 3)
                found[f"model.1.sub.{block}.RDB{dense}.conv{conv}.0.weight"] = sizes
    found[f"model.1.sub.{blocks}.weight"] = (64, 64, 3, 3)
    found |= {f"model.{layer}.weight": (64, 64, 3, 3) for layer in (3, 6, 8)}
    return {**found, "model.10.weight": (3, 64, 3, 3)}


def controlnet(context: int) -> Tensors:
    """As much of a ControlNet, in diffusers' names, as tells it and the width of its prompts."""
    block = "down_blocks.0.attentions.0.transformer_blocks.0"
    return {
        "controlnet_cond_embedding.conv_in.weight": ("F16", (16, 3, 3, 3)),
        "conv_in.weight": ("F16", (320, 4, 3, 3)),
        "time_embedding.linear_1.weight": ("F16", (1280, 320)),
        f"{block}.attn2.to_k.weight": ("F16", (320, context)),
        "controlnet_down_blocks.0.weight": ("F16", (320, 320, 1, 1)),
        "controlnet_mid_block.weight": ("F16", (1280, 1280, 1, 1)),
    }


UNET = "model.diffusion_model."
LAMA = "model.model.1.bn_l.running_mean"


def example_models(folder: Path) -> Path:
    """The model files that the rules' pages name, in a models folder: those of the Good ones, and those of the Bad."""
    text = of("te.clip_l", prefix="cond_stage_model.transformer.")
    sd15 = {**of("sd15", prefix=UNET), **text, **vae(4, prefix="first_stage_model.")}
    encoders = {
        **of("te.clip_l", prefix="conditioner.embedders.0.transformer."),
        **of("te.clip_g", prefix="conditioner.embedders.1.transformer."),
    }
    sdxl = {**of("sdxl", prefix=UNET), **encoders}
    t5 = of("te.t5xxl")
    krea = {**of("flux_dev", "F8_E4M3"), "scaled_fp8": ("F8_E4M3", (2,))}
    z_image = {**of("lumina2", "BF16"), "cap_pad_token": ("BF16", (1, 2304))}
    files: dict[str, Tensors] = {
        "checkpoints/v1-5-pruned-emaonly.safetensors": sd15,
        "checkpoints/sd_xl_base_1.0.safetensors": {**sdxl, **vae(4, prefix="first_stage_model.")},
        "checkpoints/sdxl_without_vae.safetensors": sdxl,
        "checkpoints/ink_sd15.safetensors": lora("sd15", prefix="diffusion_model."),
        "loras/ink_sd15.safetensors": lora("sd15", prefix="diffusion_model."),
        "loras/ink_sdxl.safetensors": lora("sdxl", prefix="diffusion_model.", layers=("middle_block", "output_blocks")),
        "loras/ink_flux.safetensors": lora("flux_dev", prefix="diffusion_model.", layers=("",)),
        "loras/FLUX.1-Turbo-Alpha.safetensors": lora("flux_dev", 64, prefix="diffusion_model.", layers=("blocks",)),
        "vae/ae.safetensors": vae(16),
        "vae/sdxl_vae.safetensors": vae(4),
        "text_encoders/clip_l.safetensors": of("te.clip_l"),
        "text_encoders/t5xxl_fp16.safetensors": t5,
        "text_encoders/t5xxl_fp8_e4m3fn.safetensors": of("te.t5xxl", "F8_E4M3"),
        "text_encoders/t5xxl_without_a_layer.safetensors": {n: t for n, t in t5.items() if ".block.7." not in n},
        "diffusion_models/flux1-krea-dev_fp8_scaled.safetensors": krea,
        "diffusion_models/chroma.safetensors": of("chroma", "BF16"),
        "diffusion_models/z_image_turbo.safetensors": z_image,
        "controlnet/edges_sd15.safetensors": controlnet(768),
    }
    for name, tensors in files.items():
        write_safetensors(folder / name, tensors)
    write_safetensors(folder / "checkpoints/cut_off.safetensors", sdxl, cut=2**30)
    upscalers = folder / "upscale_models"
    write_pickle(upscalers / "4x_NMKD-Siax_200k.pth", esrgan())
    write_pickle(upscalers / "harmful.pth", esrgan(), ["os.system"])
    write_pickle(upscalers / "with_settings.pth", esrgan(), ["somebody.settings.Settings"])
    write_pickle(upscalers / "big-lama.pt", {LAMA: (64,), "model.model.4.conv.weight": (64, 3, 3, 3)})
    return folder
