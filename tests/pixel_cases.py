"""Small inputs for the nodes that the emulator runs in earnest, the same each time, and their results as plain values.

`record_pixels.py` gives them to a real ComfyUI, `test_emulator_pixels.py` to the emulator. Nothing here needs either.
"""

from __future__ import annotations

import base64
import random
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

STEP = 255 * 16  # numbers are kept as so many steps of one
ROUNDS = 10  # cases of a class, unless it says otherwise


def made(kind: str, *shape: int, low: float = 0.0, high: float = 1.0, **more: Any) -> dict[str, Any]:
    """A value to be made of random numbers."""
    return {"kind": kind, "shape": list(shape), "low": low, "high": high, **more}


IMAGES = [
    made("image", 1, 9, 7, 3), made("image", 2, 8, 8, 3), made("image", 3, 5, 11, 3), made("image", 1, 6, 6, 4),
    made("image", 1, 7, 5, 3, low=-0.3, high=1.4), made("image", 2, 1, 6, 3),
]  # fmt: skip
ROUND = [{**image, "round": True} for image in IMAGES]
OPAQUE = [image for image in IMAGES if image["shape"][3] == 3]
WIDE = [made("image", 1, 12, 10, 3), made("image", 2, 9, 14, 3), made("image", 1, 11, 11, 4)]
MASKS = [made("mask", 1, 9, 7), made("mask", 2, 8, 8), made("mask", 6, 5), made("mask", 3, 4, 12)]
LAYERS = [mask for mask in MASKS if len(mask["shape"]) == 3]
BINARY = [{**mask, "round": True} for mask in MASKS]
LATENTS = [
    made("latent", 1, 3, 4, 3, low=-2, high=2), made("latent", 2, 3, 3, 3, low=-2, high=2),
    made("latent", 3, 3, 2, 5, low=-2, high=2), made("latent", 2, 3, 4, 4, low=-2, high=2, mask=[2, 32, 32]),
]  # fmt: skip
ALIKE = [made("latent", batch, 3, 4, 3, low=-2, high=2) for batch in (1, 2, 3)]
VIDEOS = [made("latent", batch, 3, times, 2, 3, low=-2, high=2) for batch, times in ((1, 3), (2, 3), (1, 1), (2, 5))]
LARGE = [made("latent", 1, 3, 9, 10, low=-2, high=2), made("latent", 2, 3, 12, 8, low=-2, high=2)]
TOLD = [{"kind": "told", "parts": count, "values": values} for count in (1, 2, 3) for values in ({}, {"strength": 0.5})]
SOUNDS = [
    made("sound", 1, 1, 90, low=-1, rate=8000), made("sound", 1, 2, 160, low=-1, rate=16000),
    made("sound", 2, 2, 60, low=-1, rate=8000), made("sound", 1, 2, 100, low=-0.8, high=0.8, rate=22050),
]  # fmt: skip
MONO, STEREO = [s for s in SOUNDS if s["shape"][1] == 1], [s for s in SOUNDS if s["shape"][1] == 2]
SIGMAS = [{"kind": "sigmas", "values": v} for v in ([14.6, 6.2, 2.5, 0.9, 0.03, 0.0], [1.0, 0.5, 0.0], [3.0], [])]
METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
SIDES = [0, 1, 4, 7, 8, 13, 16]
PLACES = [0, 1, 3, 6, 20]
FLAGS = [False, True]
TEXTS = ["", "a cat", "The cat sat\non THE mat", "aaa", "Ä ß ﬁ 猫", "x1y22z333"]
PATTERNS = ["cat", r"(\w)(\d+)", r"^on (\w+)", "t.*m", "(", "", r"(a)(a)?(b)?", "[A-Z]+"]
PORTER_DUFF = [
    "ADD", "CLEAR", "DARKEN", "DST", "DST_ATOP", "DST_IN", "DST_OUT", "DST_OVER", "LIGHTEN", "MULTIPLY", "OVERLAY",
    "SCREEN", "SRC", "SRC_ATOP", "SRC_IN", "SRC_OUT", "SRC_OVER", "XOR",
]  # fmt: skip
REGEX = {"case_insensitive": FLAGS, "multiline": FLAGS, "dotall": FLAGS}
AREA = {name: [0.0, 0.25, 1.0] for name in ("width", "height", "x", "y")}
PROPERTIES = {"strength": [1.0, 0.3], "set_cond_area": ["default", "mask bounds"], "mask": [None, *MASKS],
              "timesteps": [None, {"kind": "range", "values": [0.1, 0.8]}]}  # fmt: skip
SPAN = {"sigma_max": [14.614642, 80.0], "sigma_min": [0.0291675, 0.5], "steps": [1, 2, 7, 20]}

# A class, how many cases it gets, and what each input is picked from; None leaves an input out.
CASES: Sequence[tuple[str, int, Mapping[str, Sequence[Any]]]] = [
    ("ImageScale", 30, {"image": IMAGES, "upscale_method": METHODS, "width": SIDES, "height": SIDES,
                        "crop": ["disabled", "center"]}),
    ("ImageScaleBy", 15, {"image": IMAGES, "upscale_method": METHODS, "scale_by": [0.3, 0.5, 1.0, 1.37, 2.0]}),
    ("ImageScaleToTotalPixels", 3, {"image": [made("image", 1, 5, 3, 3)], "upscale_method": ["bilinear"],
                                    "megapixels": [0.01]}),
    ("ImageScaleToMaxDimension", ROUNDS, {"image": OPAQUE, "upscale_method": METHODS, "largest_size": [1, 6, 13]}),
    ("ImageInvert", 4, {"image": IMAGES}),
    ("ImageBlur", ROUNDS, {"image": IMAGES, "blur_radius": [1, 2, 4], "sigma": [0.1, 0.4, 1.0, 3.0]}),
    ("ImageSharpen", ROUNDS, {"image": IMAGES, "sharpen_radius": [1, 2, 4], "sigma": [0.3, 1.0], "alpha": [0.1, 1.0]}),
    ("ImageBlend", 24, {"image1": IMAGES, "image2": IMAGES, "blend_factor": [0.0, 0.3, 0.5, 1.0],
                        "blend_mode": ["normal", "multiply", "screen", "overlay", "soft_light", "difference"]}),
    ("ImageCrop", ROUNDS, {"image": IMAGES, "width": [1, 4, 30], "height": [1, 4, 30], "x": PLACES, "y": PLACES}),
    ("EmptyImage", 4, {"width": [1, 5], "height": [2, 4], "batch_size": [1, 3], "color": [0, 0xFF8040, 0xFFFFFF]}),
    ("ImageBatch", 12, {"image1": IMAGES, "image2": IMAGES}),
    ("ImageFromBatch", 8, {"image": IMAGES, "batch_index": [0, 1, 2, 9], "length": [1, 2, 9]}),
    ("RepeatImageBatch", 3, {"image": IMAGES, "amount": [1, 2, 3]}),
    ("ImagePadForOutpaint", ROUNDS, {"image": IMAGES, "left": [0, 3], "top": [0, 2], "right": [0, 5], "bottom": [0, 1],
                                     "feathering": [0, 1, 2, 3, 40]}),
    ("ResizeAndPadImage", 12, {"image": IMAGES, "target_width": [4, 9, 16], "target_height": [3, 9, 15],
                               "padding_color": ["white", "black"], "interpolation": METHODS}),
    ("ImageFlip", 4, {"image": IMAGES, "flip_method": ["x-axis: vertically", "y-axis: horizontally"]}),
    ("ImageRotate", 5, {"image": IMAGES, "rotation": ["none", "90 degrees", "180 degrees", "270 degrees"]}),
    ("ImageStitch", 24, {"image1": IMAGES, "image2": [None, *IMAGES, *IMAGES], "match_image_size": FLAGS,
                         "direction": ["right", "down", "left", "up"], "spacing_width": [0, 3, 4],
                         "spacing_color": ["white", "black", "red", "green", "blue"]}),
    ("ImageQuantize", 12, {"image": [*IMAGES, *WIDE], "colors": [1, 2, 5, 64, 256],
                           "dither": ["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"]}),
    ("ImageAddNoise", ROUNDS, {"image": [*IMAGES, made("image", 1, 2, 2, 3), made("image", 1, 1, 1, 3)],
                               "seed": [0, 7, 2**32 + 5, 2**64 - 1], "strength": [0.0, 0.1, 1.0]}),
    ("ImageRGBToYUV", 4, {"image": IMAGES}),
    ("ImageYUVToRGB", 5, dict.fromkeys("YUV", IMAGES[:1])),
    ("Morphology", 24, {"image": IMAGES, "kernel_size": [3, 4, 5, 8],
                        "operation": ["erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat"]}),
    ("Canny", 6, {"image": WIDE[:2], "low_threshold": [0.01, 0.2], "high_threshold": [0.1, 0.3]}),
    ("ImageCompositeMasked", 20, {"destination": IMAGES, "source": IMAGES, "x": PLACES, "y": PLACES,
                                  "resize_source": FLAGS, "mask": [None, *MASKS]}),
    ("PorterDuffImageComposite", 36, {"source": IMAGES, "source_alpha": LAYERS, "destination": IMAGES,
                                      "destination_alpha": LAYERS, "mode": PORTER_DUFF}),
    ("JoinImageWithAlpha", 8, {"image": IMAGES, "alpha": LAYERS}),
    ("SplitImageWithAlpha", 4, {"image": IMAGES}),
    ("ImageToMask", 8, {"image": IMAGES, "channel": ["red", "green", "blue", "alpha"]}),
    ("ImageColorToMask", 4, {"image": ROUND, "color": [0, 0xFFFFFF, 0xFF00FF]}),
    ("MaskToImage", 4, {"mask": MASKS}),
    ("SolidMask", 3, {"value": [0.0, 0.4, 1.0], "width": [3, 5], "height": [1, 4]}),
    ("InvertMask", 4, {"mask": MASKS}),
    ("CropMask", 8, {"mask": MASKS, "x": PLACES, "y": PLACES, "width": [1, 4, 30], "height": [1, 4, 30]}),
    ("ThresholdMask", 4, {"mask": MASKS, "value": [0.0, 0.5, 1.0]}),
    ("GrowMask", 16, {"mask": [*MASKS, *BINARY], "expand": [-30, -2, -1, 0, 1, 2, 3, 30], "tapered_corners": FLAGS}),
    ("FeatherMask", ROUNDS, {"mask": MASKS, **dict.fromkeys(("left", "top", "right", "bottom"), PLACES)}),
    ("MaskComposite", 24, {"destination": MASKS, "source": MASKS, "x": PLACES, "y": PLACES,
                           "operation": ["multiply", "add", "subtract", "and", "or", "xor"]}),
    ("RebatchImages", 6, {"images": [[i] for i in OPAQUE] + [[OPAQUE[1], OPAQUE[1]], OPAQUE[:2]],
                          "batch_size": [[1], [2], [3]]}),
    ("GetImageSize", 3, {"image": IMAGES}),
    ("LatentAdd", 8, {"samples1": ALIKE, "samples2": ALIKE}),
    ("LatentSubtract", 8, {"samples1": ALIKE, "samples2": ALIKE}),
    ("LatentMultiply", 4, {"samples": LATENTS, "multiplier": [-1.5, 0.0, 0.7]}),
    ("LatentInterpolate", ROUNDS, {"samples1": ALIKE[:2], "samples2": ALIKE[:2], "ratio": [0.0, 0.3, 1.0]}),
    ("LatentBlend", 8, {"samples1": ALIKE, "samples2": ALIKE, "blend_factor": [0.0, 0.3, 1.0]}),
    ("LatentConcat", 12, {"samples1": LATENTS, "samples2": [*LATENTS, *ALIKE], "dim": ["x", "-x", "y", "-y"]}),
    ("LatentCut", 8, {"samples": LATENTS, "dim": ["x", "y"], "index": [-20, -2, 0, 1, 20], "amount": [1, 2, 20]}),
    ("LatentConcat", 8, {"samples1": VIDEOS, "samples2": VIDEOS, "dim": ["t", "-t", "x", "-y"]}),
    ("LatentCut", 8, {"samples": VIDEOS, "dim": ["t", "x"], "index": [-20, -2, 0, 1, 20], "amount": [1, 2, 20]}),
    ("TrimVideoLatent", 6, {"samples": [*VIDEOS, LATENTS[0]], "trim_amount": [0, 1, 2]}),
    ("LatentAdd", 4, {"samples1": VIDEOS[:2], "samples2": VIDEOS[:2]}),
    ("LatentFromBatch", 3, {"samples": VIDEOS, "batch_index": [0, 1], "length": [1, 2]}),
    ("RepeatLatentBatch", 3, {"samples": VIDEOS, "amount": [1, 3]}),
    ("ReferenceLatent", 3, {"conditioning": TOLD, "latent": [None, *ALIKE]}),
    ("LatentBatch", 8, {"samples1": ALIKE, "samples2": ALIKE}),
    ("LatentBatchSeedBehavior", 4, {"samples": LATENTS, "seed_behavior": ["random", "fixed"]}),
    ("LatentFromBatch", 6, {"samples": LATENTS, "batch_index": [0, 1, 9], "length": [1, 2]}),
    ("RepeatLatentBatch", 4, {"samples": LATENTS, "amount": [1, 3]}),
    ("LatentCrop", 8, {"samples": [*LARGE, *LATENTS[:2]], "width": [64, 72, 200], "height": [64, 72], "x": [0, 8, 90],
                       "y": [0, 12, 90]}),
    ("LatentRotate", 5, {"samples": LATENTS, "rotation": ["none", "90 degrees", "180 degrees", "270 degrees"]}),
    ("LatentFlip", 4, {"samples": LATENTS, "flip_method": ["x-axis: vertically", "y-axis: horizontally"]}),
    ("LatentComposite", 16, {"samples_to": [*LATENTS, *LARGE], "samples_from": [*LATENTS, *LARGE],
                             "x": [0, 8, 17, 64], "y": [0, 8, 16, 64], "feather": [0, 8, 16, 40]}),
    ("LatentCompositeMasked", 16, {"destination": [*LATENTS, *LARGE], "source": [*LATENTS, *LARGE], "x": [0, 8, 17, 64],
                                   "y": [0, 8, 64], "resize_source": [False], "mask": [None, *MASKS]}),
    ("SetLatentNoiseMask", 4, {"samples": LATENTS, "mask": MASKS}),
    ("RebatchLatents", 6, {"latents": [[one] for one in LATENTS] + [[LATENTS[1], LATENTS[1]], LATENTS[:2]],
                           "batch_size": [[1], [2], [3]]}),
    ("EmptyLatentImage", 3, {"width": [16, 64, 72], "height": [32, 40], "batch_size": [1, 2]}),
    ("EmptySD3LatentImage", 3, {"width": [16, 64, 72], "height": [32, 40], "batch_size": [1, 2]}),
    ("EmptyHunyuanImageLatent", 3, {"width": [64, 96, 100], "height": [64], "batch_size": [1, 2]}),
    ("EmptyChromaRadianceLatentImage", 2, {"width": [16, 32], "height": [16], "batch_size": [1, 2]}),
    ("EmptyHunyuanLatentVideo", 3, {"width": [64, 72], "height": [32], "length": [1, 5, 7], "batch_size": [1, 2]}),
    ("EmptyMochiLatentVideo", 3, {"width": [64, 72], "height": [32], "length": [7, 13, 15], "batch_size": [1, 2]}),
    ("EmptyCosmosLatentVideo", 3, {"width": [64, 72], "height": [32], "length": [1, 9, 11], "batch_size": [1, 2]}),
    ("EmptyLTXVLatentVideo", 3, {"width": [64, 96], "height": [64], "length": [1, 9, 11], "batch_size": [1, 2]}),
    ("StableCascade_EmptyLatentImage", 3, {"width": [256, 272], "height": [256], "compression": [16, 42],
                                           "batch_size": [1, 2]}),
    ("EmptyLatentAudio", 3, {"seconds": [1.0, 2.3], "batch_size": [1, 2]}),
    ("EmptyAceStepLatentAudio", 3, {"seconds": [1.0, 2.3], "batch_size": [1, 2]}),
    ("ConditioningCombine", 4, {"conditioning_1": TOLD, "conditioning_2": TOLD}),
    ("ConditioningSetArea", 4, {"conditioning": TOLD, "width": [64, 72], "height": [64, 100], "x": [0, 12], "y": [0, 8],
                                "strength": [1.0, 0.3]}),
    ("ConditioningSetAreaPercentage", 4, {"conditioning": TOLD, **AREA, "strength": [1.0, 0.3]}),
    ("ConditioningSetAreaPercentageVideo", 4, {"conditioning": TOLD, **AREA, "temporal": [0.5], "z": [0.25],
                                               "strength": [1.0, 0.3]}),
    ("ConditioningSetAreaStrength", 3, {"conditioning": TOLD, "strength": [1.0, 0.3]}),
    ("ConditioningSetMask", 5, {"conditioning": TOLD, "mask": MASKS, "strength": [1.0, 0.3],
                                "set_cond_area": ["default", "mask bounds"]}),
    ("ConditioningSetTimestepRange", 3, {"conditioning": TOLD, "start": [0.0, 0.3], "end": [0.7, 1.0]}),
    ("ConditioningSetProperties", 8, {"cond_NEW": TOLD, **PROPERTIES}),
    ("ConditioningSetPropertiesAndCombine", 8, {"cond": TOLD, "cond_NEW": TOLD, **PROPERTIES}),
    ("ConditioningSetDefaultCombine", 3, {"cond": TOLD, "cond_DEFAULT": TOLD}),
    ("PairConditioningCombine", 3, {f"{which}_{side}": TOLD for which in ("positive", "negative") for side in "AB"}),
    ("PairConditioningSetDefaultCombine", 3, {f"{which}{default}": TOLD for which in ("positive", "negative")
                                              for default in ("", "_DEFAULT")}),
    ("PairConditioningSetProperties", 5, {"positive_NEW": TOLD, "negative_NEW": TOLD, **PROPERTIES}),
    ("PairConditioningSetPropertiesAndCombine", 5, {"positive": TOLD, "negative": TOLD, "positive_NEW": TOLD,
                                                    "negative_NEW": TOLD, **PROPERTIES}),
    ("ConditioningTimestepsRange", 2, {"start_percent": [0.0, 0.3], "end_percent": [0.7, 1.0]}),
    ("ConditioningStableAudio", 2, {"positive": TOLD, "negative": TOLD, "seconds_start": [0.0, 2.0],
                                    "seconds_total": [47.0]}),
    ("FluxGuidance", 2, {"conditioning": TOLD, "guidance": [0.0, 3.5]}),
    ("FluxDisableGuidance", 2, {"conditioning": TOLD}),
    ("FluxKontextMultiReferenceLatentMethod", 2, {"conditioning": TOLD,
                                                  "reference_latents_method": ["offset", "uxo/uno"]}),
    ("LTXVConditioning", 2, {"positive": TOLD, "negative": TOLD, "frame_rate": [25.0, 23.976]}),
    ("KarrasScheduler", 5, {**SPAN, "rho": [7.0, 1.0, 3.3]}),
    ("ExponentialScheduler", 4, SPAN),
    ("PolyexponentialScheduler", 4, {**SPAN, "rho": [1.0, 0.5, 2.0]}),
    ("LaplaceScheduler", 4, {**SPAN, "mu": [0.0, 0.5], "beta": [0.5, 1.0]}),
    ("VPScheduler", 4, {"steps": [1, 2, 7, 20], "beta_d": [19.9], "beta_min": [0.1], "eps_s": [0.001, 0.1]}),
    ("LTXVScheduler", 8, {"steps": [1, 2, 7, 20], "max_shift": [2.05], "base_shift": [0.95, 0.5], "stretch": FLAGS,
                          "terminal": [0.1, 0.0], "latent": [None, *LATENTS]}),
    ("SplitSigmas", 8, {"sigmas": SIGMAS, "step": [0, 1, 3, 30]}),
    ("SplitSigmasDenoise", 8, {"sigmas": SIGMAS, "denoise": [0.0, 0.3, 0.5, 1.0]}),
    ("FlipSigmas", 4, {"sigmas": SIGMAS}),
    ("SetFirstSigma", 5, {"sigmas": SIGMAS, "sigma": [136.0, 0.0]}),
    ("ExtendIntermediateSigmas", 10, {"sigmas": SIGMAS, "steps": [1, 2, 5], "start_at_sigma": [-1.0, 6.2, 2.5],
                                      "end_at_sigma": [0.0, 0.9, 12.0], "spacing": ["linear", "cosine", "sine"]}),
    ("TrimAudioDuration", 8, {"audio": SOUNDS, "start_index": [-0.005, 0.0, 0.002, 5.0],
                              "duration": [0.0, 0.003, 60.0]}),
    ("SplitAudioChannels", 4, {"audio": SOUNDS}),
    ("AudioConcat", 10, {"audio1": SOUNDS, "audio2": SOUNDS, "direction": ["after", "before"]}),
    ("AudioMerge", 12, {"audio1": SOUNDS, "audio2": SOUNDS, "merge_method": ["add", "mean", "subtract", "multiply"]}),
    ("AudioAdjustVolume", 4, {"audio": SOUNDS, "volume": [-20, 0, 3]}),
    ("EmptyAudio", 3, {"duration": [0.0, 0.01], "sample_rate": [8000], "channels": [1, 2]}),
    ("StringConcatenate", 3, {"string_a": TEXTS, "string_b": TEXTS, "delimiter": ["", ", "]}),
    ("StringSubstring", 4, {"string": TEXTS, "start": [-3, 0, 2], "end": [-1, 5, 50]}),
    ("StringLength", 3, {"string": TEXTS}),
    ("CaseConverter", 8, {"string": TEXTS, "mode": ["UPPERCASE", "lowercase", "Capitalize", "Title Case"]}),
    ("StringTrim", 3, {"string": ["  a b\n", ""], "mode": ["Both", "Left", "Right"]}),
    ("StringReplace", 5, {"string": TEXTS, "find": ["", "a", "cat"], "replace": ["", "X"]}),
    ("StringContains", 5, {"string": TEXTS, "substring": ["", "CAT", "a"], "case_sensitive": FLAGS}),
    ("StringCompare", 8, {"string_a": TEXTS, "string_b": ["", "a", "The CAT", "AAA"], "case_sensitive": FLAGS,
                          "mode": ["Starts With", "Ends With", "Equal"]}),
    ("RegexMatch", 10, {"string": TEXTS, "regex_pattern": PATTERNS, **REGEX}),
    ("RegexExtract", 30, {"string": TEXTS, "regex_pattern": PATTERNS, **REGEX, "group_index": [0, 1, 2, 3],
                          "mode": ["First Match", "All Matches", "First Group", "All Groups"]}),
    ("RegexReplace", 15, {"string": TEXTS, "regex_pattern": PATTERNS, "replace": ["", "X", r"<\1>", r"\g<0>!"], **REGEX,
                          "count": [0, 1]}),
]  # fmt: skip


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """A class and its inputs; what is to be made of random numbers is a dict."""
    for number, (name, count, inputs) in enumerate(CASES):
        pick = random.Random(f"{name} {number}")
        for case in range(count):
            chosen = {key: pick.choice(options) for key, options in inputs.items()}
            yield name, {k: _numbered(v, case * 7 + n) for n, (k, v) in enumerate(chosen.items()) if v is not None}


def _numbered(value: Any, seed: int) -> Any:
    if isinstance(value, list):
        return [_numbered(item, seed + 100 * n) for n, item in enumerate(value)]
    return {**value, "seed": seed} if isinstance(value, dict) else value


def numbers(spec: Mapping[str, Any], shape: Sequence[int] | None = None) -> Any:
    """The random numbers of a value, as a float32 array."""
    found = np.random.default_rng(spec["seed"]).random(shape or spec["shape"], np.float32)
    found = found.round() if spec.get("round") else found
    return (found * np.float32(spec["high"] - spec["low"]) + np.float32(spec["low"])).astype(np.float32)


def packed(array: Any) -> dict[str, Any]:
    """Numbers in steps of 1/4080, not beyond 8, as text."""
    steps = np.clip(np.round(np.nan_to_num(np.asarray(array, np.float64)) * STEP), -32767, 32767).astype("<i2")
    return {"shape": list(steps.shape), "data": base64.b85encode(zlib.compress(steps.tobytes(), 9)).decode()}


def unpacked(told: Mapping[str, Any]) -> Any:
    """The numbers of `packed`."""
    steps = np.frombuffer(zlib.decompress(base64.b85decode(told["data"])), "<i2")
    return steps.reshape(told["shape"]) / STEP
