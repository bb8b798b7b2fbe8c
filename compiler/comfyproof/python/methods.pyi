# ruff: noqa
# fmt: off
"""What a pipeline's methods take. Written by `make stubs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Required, TypedDict, overload

from .handles import Handle, Input, Model, Stage, Use

_AtLeast = TypedDict("_AtLeast", {"min": Required[float | Handle], "to": Required[Handle]}, total=False)

_AtMost = TypedDict("_AtMost", {"max": Required[float | Handle], "to": Required[Handle]}, total=False)

_ControlUse = TypedDict("_ControlUse", {"use": Required[str | Handle], "image": Handle | None, "preprocess": Literal['canny', 'invert'] | Handle | Mapping[str, Mapping[str, Any] | None] | None, "strength": float | Handle, "after": float | Handle, "until": float | Handle, "union": Literal['auto', 'openpose', 'depth', 'hed/pidi/scribble/ted', 'canny/lineart/anime_lineart/mlsd', 'normal', 'segment', 'tile', 'repaint'] | Handle | None}, total=False)

_ExpertFiles = TypedDict("_ExpertFiles", {"high": Required[str | Handle], "low": Required[str | Handle], "switch": float | Handle}, total=False)

_LoraUse = TypedDict("_LoraUse", {"use": Required[str | Handle], "strength": float | Handle, "clip": float | Handle | None, "expert": Literal['high', 'low'] | Handle | None}, total=False)

_Verification = TypedDict("_Verification", {"count": int | Handle | None, "size": str | Handle | None, "aspect": Literal['kept'] | Handle | None, "not_blank": bool | Handle, "ssim": _AtLeast | None, "delta_e": _AtMost | None, "frames": int | Handle | None, "fps": float | Handle | None}, total=False)

class Methods:
    def input(
        self,
        name: str,
        /,
        *,
        type: Literal['image', 'mask', 'video', 'audio', 'text', 'int', 'float', 'bool', 'choice', 'seed'] | Handle,
        default: Any = None,
        options: Sequence[str | Handle | int | float | bool] | Mapping[str, str | Handle | int | float | bool] = (),
        min: float | Handle | None = None,
        max: float | Handle | None = None,
        help: str | Handle = '',
    ) -> Input:
        """One input: its type, and its value where a run sets none.

        type: what kind of value it takes
        default: its value where a run sets none
        options: choice: a list, or a mapping of names to what they stand for
        min: int, float: the least value
        max: int, float: the greatest value
        help: what it is for
        """

    @overload
    def model(
        self,
        name: str,
        /,
        *,
        checkpoint: str | Handle,
        family: str | Handle | None = None,
        vae: str | Handle | None = None,
        inpaint: bool | Handle | None = None,
    ) -> Model:
        """One file with a diffusion model, its text encoders and its VAE.

        checkpoint: a file in models/checkpoints
        family: the model's family, where its file name does not tell
        vae: a file in models/vae, instead of the checkpoint's own VAE
        inpaint: whether it is made for inpainting, where its file name does not tell
        """

    @overload
    def model(
        self,
        name: str,
        /,
        *,
        text_encoders: Sequence[str | Handle],
        vae: str | Handle,
        diffusion_model: str | Handle,
        family: str | Handle | None = None,
        dtype: str | Handle = 'default',
        clip_vision: str | Handle | None = None,
        inpaint: bool | Handle | None = None,
    ) -> Model:
        """A diffusion model with its text encoders and VAE in files of their own.

        text_encoders: files in models/text_encoders
        vae: a file in models/vae
        family: the model's family, where its file names do not tell
        dtype: the type in which its weights are kept, such as fp8_e4m3fn
        clip_vision: a file in models/clip_vision, which sees first pictures
        diffusion_model: a file in models/diffusion_models
        inpaint: whether it is made for inpainting, where its file name does not tell
        """

    @overload
    def model(
        self,
        name: str,
        /,
        *,
        text_encoders: Sequence[str | Handle],
        vae: str | Handle,
        experts: _ExpertFiles,
        family: str | Handle | None = None,
        dtype: str | Handle = 'default',
        clip_vision: str | Handle | None = None,
    ) -> Model:
        """A diffusion model in two parts, with its text encoders and VAE.

        text_encoders: files in models/text_encoders
        vae: a file in models/vae
        family: the model's family, where its file names do not tell
        dtype: the type in which its weights are kept, such as fp8_e4m3fn
        clip_vision: a file in models/clip_vision, which sees first pictures
        experts: the two diffusion models, and when one takes over from the other
        """

    @overload
    def model(self, name: str, /, *, lora: str | Handle) -> Model:
        """A LoRA file.

        lora: a file in models/loras
        """

    @overload
    def model(self, name: str, /, *, controlnet: str | Handle) -> Model:
        """A ControlNet, which makes a picture follow the lines, depth or pose of another.

        controlnet: a file in models/controlnet
        """

    @overload
    def model(self, name: str, /, *, upscale_model: str | Handle, factor: float | Handle | None = None) -> Model:
        """An upscale model such as an ESRGAN.

        upscale_model: a file in models/upscale_models
        factor: how much it enlarges, where its name does not tell
        """

    def verify(
        self,
        *,
        count: int | Handle | None = None,
        size: str | Handle | None = None,
        aspect: Literal['kept'] | Handle | None = None,
        not_blank: bool | Handle = True,
        ssim: _AtLeast | None = None,
        delta_e: _AtMost | None = None,
        frames: int | Handle | None = None,
        fps: float | Handle | None = None,
    ) -> None:
        """The checks of a picture; whether it is whole, and made by the graph that was sent, is always checked.

        count: how many pictures there must be
        size: a size such as 2048x2048, or a multiple of an input such as 2x image
        aspect: kept: the proportions are those of the input
        not_blank: whether the picture must show something
        ssim: how alike it must be to another picture, in structure
        delta_e: how far its colors may be from another picture's
        frames: video: how many pictures long it must be
        fps: video: how many pictures a second it must have
        """

    def load(
        self,
        *,
        as_: str | Handle | None = None,
        image: Handle | None = None,
        video: Handle | None = None,
    ) -> Stage:
        """A picture or video of the author's, as the pipeline's beginning.

        as_: the name of this stage; its kind, unless said
        image: an input of the type image, such as $image
        video: instead: an input of the type video, such as $clip
        """

    def generate(
        self,
        *,
        as_: str | Handle | None = None,
        like: str | Handle | None = None,
        model: str | Handle | None = None,
        loras: Sequence[_LoraUse | Use | str | Handle] = (),
        positive: str | Handle = '',
        negative: str | Handle = '',
        steps: int | Handle | None = None,
        cfg: float | Handle | None = None,
        guidance: float | Handle | None = None,
        shift: float | Handle | None = None,
        clip_skip: int | Handle | None = None,
        control: Sequence[_ControlUse | Use] = (),
        denoise: float | Handle | None = None,
        sampler: str | Handle | None = None,
        scheduler: str | Handle | None = None,
        seed: int | Handle = 0,
        size: str | Handle | None = None,
        batch: int | Handle = 1,
        references: Sequence[Handle] = (),
        frames: int | Handle | None = None,
        fps: float | Handle | None = None,
        start: Handle | None = None,
        end: Handle | None = None,
    ) -> Stage:
        """A new picture, from a prompt and noise; with a video model a video, from a picture too.

        as_: the name of this stage; its kind, unless said
        like: a stage whose sampling settings hold here too, unless said otherwise
        model: the name of a model under models
        loras: LoRAs, in order
        positive: the prompt
        negative: what to steer away from; without effect at cfg 1
        steps: sampling steps
        cfg: classifier-free guidance scale
        guidance: guidance of a guidance-distilled model such as Flux
        shift: how far a flow model's noise levels are shifted up
        clip_skip: which of a CLIP's layers is the last, counted from the end
        control: ControlNets, in order
        denoise: how much is sampled anew, from 0 to 1
        sampler: a sampler's name, such as euler
        scheduler: a scheduler's name, such as simple
        seed: the noise's seed
        size: width and height in pixels; the family's own, unless said
        batch: how many pictures at once
        references: pictures that an editing model looks at, such as [$image]
        frames: video: how many pictures long
        fps: video: how many pictures a second
        start: video: the picture it begins with, such as $image
        end: video: the picture it ends with, such as $last
        """

    def upscale(
        self,
        *,
        as_: str | Handle | None = None,
        from_: str | Handle | None = None,
        like: str | Handle | None = None,
        model: str | Handle | None = None,
        loras: Sequence[_LoraUse | Use | str | Handle] = (),
        positive: str | Handle = '',
        negative: str | Handle = '',
        steps: int | Handle | None = None,
        cfg: float | Handle | None = None,
        guidance: float | Handle | None = None,
        shift: float | Handle | None = None,
        clip_skip: int | Handle | None = None,
        control: Sequence[_ControlUse | Use] = (),
        denoise: float | Handle | None = None,
        sampler: str | Handle | None = None,
        scheduler: str | Handle | None = None,
        seed: int | Handle = 0,
        with_: str | Handle | None = None,
        by: float | Handle | None = None,
        method: Literal['ultimate', 'model', 'latent', 'lanczos', 'bicubic', 'bilinear', 'area', 'nearest-exact'] | Handle | None = None,
        tile: int | Handle | None = None,
        overlap: int | Handle | None = None,
        blur: int | Handle | None = None,
        redraw: Literal['linear', 'chess', 'none'] | Handle | None = None,
        seams: Literal['none', 'band', 'half', 'half-and-corners'] | Handle | None = None,
    ) -> Stage:
        """A larger picture. The sampling settings are for the method `ultimate` alone.

        as_: the name of this stage; its kind, unless said
        from_: the stage or node whose output this takes; the stage before, unless said
        like: a stage whose sampling settings hold here too, unless said otherwise
        model: the name of a model under models
        loras: LoRAs, in order
        positive: the prompt
        negative: what to steer away from; without effect at cfg 1
        steps: sampling steps
        cfg: classifier-free guidance scale
        guidance: guidance of a guidance-distilled model such as Flux
        shift: how far a flow model's noise levels are shifted up
        clip_skip: which of a CLIP's layers is the last, counted from the end
        control: ControlNets, in order
        denoise: how much is sampled anew, from 0 to 1
        sampler: a sampler's name, such as euler
        scheduler: a scheduler's name, such as simple
        seed: the noise's seed
        with_: the name of an upscale model under models
        by: how much larger each side becomes; the model's own factor, unless said
        method: how; with the upscale model where one is named, else lanczos
        tile: ultimate: a tile's side in pixels
        overlap: ultimate: pixels of context round a tile
        blur: ultimate: pixels over which a tile's border is blended
        redraw: ultimate: the order of the tiles
        seams: ultimate: how seams between tiles are redrawn
        """

    def refine(
        self,
        *,
        as_: str | Handle | None = None,
        from_: str | Handle | None = None,
        like: str | Handle | None = None,
        model: str | Handle | None = None,
        loras: Sequence[_LoraUse | Use | str | Handle] = (),
        positive: str | Handle = '',
        negative: str | Handle = '',
        steps: int | Handle | None = None,
        cfg: float | Handle | None = None,
        guidance: float | Handle | None = None,
        shift: float | Handle | None = None,
        clip_skip: int | Handle | None = None,
        control: Sequence[_ControlUse | Use] = (),
        denoise: float | Handle = ...,
        sampler: str | Handle | None = None,
        scheduler: str | Handle | None = None,
        seed: int | Handle = 0,
        mask: Handle | None = None,
        grow: int | Handle = 0,
        feather: int | Handle = 0,
        paste: bool | Handle = False,
    ) -> Stage:
        """Image-to-image: the picture keeps its structure, how much so depends on denoise.

        as_: the name of this stage; its kind, unless said
        from_: the stage or node whose output this takes; the stage before, unless said
        like: a stage whose sampling settings hold here too, unless said otherwise
        model: the name of a model under models
        loras: LoRAs, in order
        positive: the prompt
        negative: what to steer away from; without effect at cfg 1
        steps: sampling steps
        cfg: classifier-free guidance scale
        guidance: guidance of a guidance-distilled model such as Flux
        shift: how far a flow model's noise levels are shifted up
        clip_skip: which of a CLIP's layers is the last, counted from the end
        control: ControlNets, in order
        denoise: how much is sampled anew, from 0 (nothing) to 1 (everything)
        sampler: a sampler's name, such as euler
        scheduler: a scheduler's name, such as simple
        seed: the noise's seed
        mask: where it is sampled anew, such as $mask; everywhere, unless said
        grow: mask: by how many pixels it grows on each side
        feather: mask: over how many pixels its border fades
        paste: mask: whether what lies outside it is taken from the picture that flowed in
        """

    def resize(
        self,
        *,
        as_: str | Handle | None = None,
        from_: str | Handle | None = None,
        size: str | Handle | None = None,
        by: float | Handle | None = None,
        fit: Literal['stretch', 'crop'] | Handle = 'stretch',
        method: Literal['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos'] | Handle = 'lanczos',
    ) -> Stage:
        """A picture of another size.

        as_: the name of this stage; its kind, unless said
        from_: the stage or node whose output this takes; the stage before, unless said
        size: width and height in pixels
        by: instead of a size: how much larger or smaller each side becomes
        fit: what happens where the aspect differs
        method: how it is resampled
        """

    def save(
        self,
        *,
        as_: str | Handle | None = None,
        from_: str | Handle | None = None,
        prefix: str | Handle = 'picture',
        format: Literal['png', 'mp4', 'webm', 'webp'] | Handle | None = None,
        verify: _Verification | None = None,
    ) -> Stage:
        """A picture or video that the run brings back, and what must hold of it.

        as_: the name of this stage; its kind, unless said
        from_: the stage or node whose output this takes; the stage before, unless said
        prefix: what its file's name begins with
        format: png, or for videos also mp4, webm and webp; png for pictures and mp4 for videos
        verify: what must hold of this picture, besides what the spec says
        """

    def preview(self, *, as_: str | Handle | None = None, from_: str | Handle | None = None) -> Stage:
        """A picture in the server's temporary folder.

        as_: the name of this stage; its kind, unless said
        from_: the stage or node whose output this takes; the stage before, unless said
        """
