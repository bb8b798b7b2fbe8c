"""Transformers in diffusers' names: the tensors that tell their config, under the names that ComfyUI gives them."""

from __future__ import annotations

from collections.abc import Iterator

from .header import Header

_FLUX = {
    "img_in.weight": "x_embedder.weight",
    "txt_in.weight": "context_embedder.weight",
    "vector_in.in_layer.weight": "time_text_embed.text_embedder.linear_1.weight",
    "guidance_in.in_layer.weight": "time_text_embed.guidance_embedder.linear_1.weight",
}
_SD3 = {
    "x_embedder.proj.weight": "pos_embed.proj.weight",
    "final_layer.linear.weight": "proj_out.weight",
    "y_embedder.mlp.0.weight": "time_text_embed.text_embedder.linear_1.weight",
    "context_embedder.weight": "context_embedder.weight",
    "pos_embed": "pos_embed.pos_embed",
    "t_embedder.mlp.2.weight": "time_text_embed.timestep_embedder.linear_2.weight",
}
_AURA = {
    "positional_encoding": "pos_embed.pos_embed",
    "cond_seq_linear.weight": "context_embedder.weight",
    "t_embedder.mlp.2.weight": "time_step_proj.linear_2.weight",
}
_PIXART = {
    "t_block.1.weight": "adaln_single.linear.weight",
    "y_embedder.y_embedding": "caption_projection.y_embedding",
    "ar_embedder.mlp.0.weight": "adaln_single.emb.aspect_ratio_embedder.linear_1.weight",
    "x_embedder.proj.weight": "pos_embed.proj.weight",
    "t_embedder.mlp.2.weight": "adaln_single.emb.timestep_embedder.linear_2.weight",
}
# In the order in which ComfyUI asks: what must be there, the names of single tensors, those of blocks.
_LAYOUTS: tuple[tuple[tuple[str, ...], dict[str, str], tuple[tuple[str, str, str, str], ...]], ...] = (
    (
        ("joint_transformer_blocks.0.attn.add_k_proj.weight",),
        _AURA,
        (
            ("joint_transformer_blocks.", "attn.add_q_proj.weight", "double_layers.", "attn.w1q.weight"),
            ("single_transformer_blocks.", "attn.to_q.weight", "single_layers.", "attn.w1q.weight"),
        ),
    ),
    (
        ("adaln_single.emb.timestep_embedder.linear_1.bias", "pos_embed.proj.bias"),
        _PIXART,
        (("transformer_blocks.", "attn1.to_q.weight", "blocks.", "attn.qkv.weight"),),
    ),
    (
        ("x_embedder.weight",),
        _FLUX,
        (
            ("transformer_blocks.", "attn.norm_k.weight", "double_blocks.", "img_attn.norm.key_norm.scale"),
            ("single_transformer_blocks.", "attn.norm_k.weight", "single_blocks.", "norm.key_norm.scale"),
        ),
    ),
    (
        ("transformer_blocks.0.attn.add_q_proj.weight", "pos_embed.proj.weight"),
        _SD3,
        (
            ("transformer_blocks.", "attn.add_q_proj.weight", "joint_blocks.", "context_block.attn.qkv.weight"),
            ("transformer_blocks.", "attn.norm_added_q.weight", "joint_blocks.", "context_block.attn.ln_q.weight"),
            ("transformer_blocks.", "attn2.to_q.weight", "joint_blocks.", "x_block.attn2.qkv.weight"),
        ),
    ),
)


def renamed(header: Header) -> Header | None:
    """The telling tensors of a transformer in diffusers' names, renamed; None where it is none that ComfyUI renames."""
    for needed, single, blocks in _LAYOUTS:
        if all(name in header for name in needed):
            tensors = {new: header.tensors[old] for new, old in single.items() if old in header}
            for stem, old, new_stem, new in blocks:
                tensors |= {f"{new_stem}{n}.{new}": header.tensors[name] for n, name in _each(header, stem, old)}
            return Header(header.format, tensors, header.metadata)
    return None


def _each(header: Header, stem: str, ending: str) -> Iterator[tuple[int, str]]:
    for number in range(header.count(stem)):
        if f"{stem}{number}.{ending}" in header:
            yield number, f"{stem}{number}.{ending}"
