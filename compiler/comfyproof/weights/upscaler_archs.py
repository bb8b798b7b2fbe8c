"""upscaler_archs: how to tell spandrel's architectures from each other by the names of their tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import upscaler_scales as scales
from .header import Header
from .upscaler_scales import Told


@dataclass(frozen=True, slots=True)
class Arch:
    """An architecture: the tensors that all must be there, and what else spandrel knows of it."""

    name: str
    signs: tuple[str, ...]
    told: Callable[[Header], Told]
    half: bool = False
    minimum: int = 0
    multiple: int = 1
    tiling: str = "SUPPORTED"
    bfloat16: bool = True
    square: bool = False


_LAYER = "layers.0.residual_group.blocks.0"
_INDEX = f"{_LAYER}.attn.relative_position_index"
_DISCOURAGED = "DISCOURAGED"
# In spandrel's order; the first whose signs are all there is it.
ARCHS: tuple[Arch, ...] = (
    Arch("Compact", ("body.0.weight", "body.1.weight"), scales.compact, True),
    Arch("SwiftSRGAN", ("initial.cnn.depthwise.weight", "final_conv.pointwise.weight"), scales.swift, True),
    Arch(
        "HAT",
        ("relative_position_index_SA", "conv_first.weight", f"{_LAYER}.conv_block.cab.0.weight", "conv_last.weight"),
        lambda header: scales.same(scales.shuffles(header), scales.first_inputs(header)),
        minimum=16,
    ),
    *(
        Arch(
            "GRL",
            (
                *(f"{start}{name}.weight" for name in ("conv_first", "norm_start", "norm_end")),
                f"{start}layers.0.blocks.0.attn.window_attn.attn_transform.logit_scale",
            ),
            scales.grl,
        )
        for start in ("", "model.", "model_g.")
    ),
    Arch("Swin2SR", (_INDEX, "patch_embed.proj.weight", "conv_first.weight"), scales.swin2sr, minimum=16),
    Arch("SwinIR", (_INDEX, f"{_LAYER}.mlp.fc1.bias", "conv_first.weight"), scales.swinir, False, 16, 1, _DISCOURAGED),
    Arch(
        "SwinIR", (_INDEX, f"{_LAYER}.mlp.fc1.bias", "conv_first.1.weight"), scales.swinir, False, 16, 1, _DISCOURAGED
    ),
    Arch("GFPGAN", ("toRGB.0.weight", "stylegan_decoder.style_mlp.1.weight"), scales.fixed, False, 512),
    Arch(
        "RestoreFormer",
        ("quantize.embedding.weight", "encoder.conv_in.weight", "quant_conv.weight", "decoder.conv_out.weight"),
        scales.dims("encoder.conv_in.weight", 1, "decoder.conv_out.weight"),
        multiple=32,
    ),
    *(
        Arch("LaMa", (f"{start}.model.1.bn_l.running_mean",), scales.lama, False, 16, 8)
        for start in ("model", "generator")
    ),
    Arch(
        "OmniSR",
        ("residual_layer.0.residual_layer.0.layer.0.fn.0.weight", "input.weight", "up.0.weight"),
        scales.pixels("up.0.weight", "input.weight"),
        True,
        16,
    ),
    Arch(
        "SCUNet", ("m_head.0.weight", "m_tail.0.weight"), scales.dims("m_head.0.weight", 1), True, 40, 1, _DISCOURAGED
    ),
    Arch(
        "FBCNN",
        ("m_head.weight", "m_down1.0.res.0.weight", "m_tail.weight", "qf_pred.0.res.0.weight"),
        scales.dims("m_head.weight", 1, "m_tail.weight"),
        True,
    ),
    Arch(
        "Uformer",
        ("input_proj.proj.0.weight", "output_proj.proj.0.weight", "encoderlayer_0.blocks.0.norm1.weight"),
        scales.dims("input_proj.proj.0.weight", 1),
        multiple=128,
        square=True,
    ),
    Arch(
        "RGT",
        ("conv_first.weight", "before_RG.1.weight", "layers.0.blocks.0.gamma", "conv_before_upsample.0.weight"),
        lambda header: scales.same(scales.shuffles(header), scales.first_inputs(header)),
        minimum=16,
    ),
    Arch(
        "DAT",
        ("conv_first.weight", "before_RG.1.weight", "layers.0.blocks.0.attn.channel_interaction.1.weight"),
        scales.dat,
        minimum=16,
    ),
    Arch(
        "CRAFT",
        ("conv_first.weight", "layers.0.residual_group.hf_blocks.0.attn.temperature"),
        lambda header: scales.same(
            scales.ratio(header.dim("upsample.0.bias", 0), scales.first_inputs(header)), scales.first_inputs(header)
        ),
        True,
        16,
        16,
    ),
    Arch(
        "KBNet",
        ("intro.weight", "encoders.0.0.attgamma", "middle_blks.0.w", "ending.weight"),
        scales.dims("intro.weight", 1),
    ),
    Arch(
        "KBNet",
        ("patch_embed.proj.weight", "latent.0.ffn.qkv.weight", "refinement.0.attn.dwconv.0.weight"),
        scales.dims("patch_embed.proj.weight", 1),
    ),
    Arch(
        "DITN",
        ("sft.weight", "UFONE.0.ITLs.0.attn.temperature", "conv_after_body.weight", "upsample.0.weight"),
        lambda header: (scales.ratio(header.dim("upsample.0.weight", 0), 3), header.dim("sft.weight", 1), 3),
        True,
    ),
    Arch("MMRealSR", ("conv_first.weight", "am_list.0.fc.0.weight", "dd_embed.0.weight"), scales.mmrealsr, True, 16),
    Arch(
        "SPAN",
        ("conv_1.sk.weight", "block_1.c1_r.sk.weight", "conv_cat.weight", "conv_2.sk.weight", "upsampler.0.weight"),
        scales.pixels("upsampler.0.weight", "conv_1.sk.weight"),
        True,
    ),
    Arch(
        "RealCUGAN",
        ("unet1.conv1.conv.0.weight", "unet1.conv_bottom.weight", "unet2.conv_bottom.weight"),
        scales.cugan,
        True,
    ),
    Arch(
        "SAFMN",
        ("to_feat.weight", "feats.0.norm1.weight", "feats.0.safm.mfr.0.weight", "to_img.0.weight"),
        scales.plain("to_img.0.weight"),
        multiple=8,
    ),
    Arch(
        "SAFMNBCIE", ("to_feat.1.weight", "feats.0.layers.0.norm1.weight", "to_img.2.weight"), scales.fixed, multiple=16
    ),
    Arch(
        "DCTLSA",
        ("fea_conv.weight", "B1.body.0.transformer_body.0.blocks.0.attn.qkv.weight", "upsampler.0.weight"),
        scales.pixels("upsampler.0.weight", "fea_conv.weight"),
        minimum=16,
    ),
    Arch(
        "FFTformer",
        ("patch_embed.proj.weight", "encoder_level1.0.ffn.fft", "fuse2.att_channel.ffn.fft", "output.weight"),
        scales.dims("patch_embed.proj.weight", 1, "output.weight"),
        multiple=32,
    ),
    Arch(
        "NAFNet",
        ("intro.weight", "ending.weight", "ups.0.0.weight", "middle_blks.0.sca.1.weight"),
        scales.dims("intro.weight", 1),
    ),
    Arch(
        "ATD",
        ("relative_position_index_SA", "conv_first.weight", "layers.0.residual_group.td"),
        scales.atd,
        minimum=8,
    ),
    Arch(
        "MixDehazeNet",
        ("patch_embed.proj.weight", "layer1.blocks.0.conv3_19.weight", "patch_merge1.proj.weight"),
        scales.dims("patch_embed.proj.weight", 1),
        False,
        40,
        1,
        _DISCOURAGED,
    ),
    Arch(
        "DRUNet",
        ("m_head.weight", "m_down1.0.res.0.weight", "m_body.0.res.0.weight", "m_up3.2.res.0.weight", "m_tail.weight"),
        lambda header: (1, header.dim("m_head.weight", 1) - 1, header.dim("m_tail.weight", 0)),
        multiple=8,
    ),
    *(
        Arch("DnCNN", ("model.0.weight", "model.0.bias", "model.2.weight", f"model.{last}"), scales.dncnn)
        for last in ("14.bias", "3.running_mean")
    ),
    Arch(
        "IPT",
        ("sub_mean.weight", "head.0.0.weight", "body.encoder.layers.0.self_attn.in_proj_weight", "tail.0.1.weight"),
        lambda header: (scales.shuffles(header, "tail.0.0"), 3, 3),
        minimum=48,
    ),
    Arch(
        "DRCT",
        ("conv_first.weight", "layers.0.swin1.norm1.weight", "layers.0.adjust1.weight"),
        scales.drct,
        multiple=16,
    ),
    *(
        Arch("ESRGAN", signs, scales.esrgan, True, 2)
        for signs in (
            ("model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"),
            ("conv_first.weight", "body.0.rdb1.conv1.weight", "conv_body.weight", "conv_last.weight"),
            ("conv_first.weight", "RRDB_trunk.0.RDB1.conv1.weight", "trunk_conv.weight", "conv_last.weight"),
            ("model.0.weight", "model.1.sub.0.RDB1.conv1x1.weight"),
        )
    ),
    *(
        Arch("PLKSR", ("feats.0.weight", "feats.1.refine.weight", f"feats.1.{mixer}.0.weight"), scales.plksr)
        for mixer in ("channe_mixer", "channel_mixer")
    ),
    Arch(
        "RetinexFormer",
        ("body.0.estimator.conv1.weight", "body.0.denoiser.embedding.weight", "body.0.denoiser.mapping.weight"),
        scales.dims("body.0.denoiser.embedding.weight", 1, "body.0.denoiser.mapping.weight"),
        False,
        0,
        8,
        _DISCOURAGED,
    ),
    Arch(
        "HVICIDNet",
        ("HVE_block0.1.weight", "I_LCA1.gdfn.project_in.weight", "trans.density_k"),
        scales.fixed,
        False,
        0,
        8,
        _DISCOURAGED,
    ),
    Arch(
        "SeemoRe",
        ("conv_1.weight", "norm.weight", "upsampler.0.weight", "body.0.local_block.norm_1.weight"),
        scales.plain("upsampler.0.weight", "conv_1.weight"),
        minimum=16,
    ),
    Arch(
        "MoSR",
        ("gblocks.0.weight", "gblocks.1.norm.weight", "gblocks.1.fc1.weight", "gblocks.1.conv.weight"),
        scales.mosr,
        True,
    ),
    Arch(
        "MoESR",
        (
            "in_to_dim.weight",
            "blocks.0.blocks.0.gamma",
            "blocks.0.blocks.0.conv.dwconv_hw.weight",
            "upscale.MetaUpsample",
        ),
        lambda header: scales.meta(header, "upscale.MetaUpsample", header.dim("in_to_dim.weight", 1)),
        True,
        2,
    ),
    *(
        Arch("RCAN", (f"head.{head}.weight", "tail.1.weight", "body.0.body.0.body.3.conv_du.0.weight"), scales.rcan)
        for head in (0, 1)
    ),
    *(
        Arch("FDAT", (f"{first}.weight", "groups.0.blocks.0.attn.bias", "upsampler.MetaUpsample"), scales.fdat, True)
        for first in ("conv_first", "conv_first.1")
    ),
    Arch(
        "AuraSR",
        ("mid_attn.layers.0.0.to_out.weight", "mid_block2.block1.proj.weights", "final_res_block.block1.proj.weights"),
        scales.aura,
        minimum=16,
        bfloat16=False,
    ),
)
