"""A Segment Anything model small enough to come with the demo: its code, its tiny weights."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch takes seconds to import
    from segment_anything.modeling import Sam

IMAGE_SIZE = 256

_PATCH, _WIDTH = 16, 48


def build(checkpoint: str | None = None) -> Sam:
    """Builds the network, as ``segment_anything.build_sam`` builds the large ones.

    Args:
        checkpoint (None): the path of its weights; without it, they are random

    Returns:
        a ``segment_anything.modeling.Sam``, ready to predict
    """
    import torch
    from segment_anything.modeling import (
        ImageEncoderViT,
        MaskDecoder,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    side = IMAGE_SIZE // _PATCH
    network = Sam(
        image_encoder=ImageEncoderViT(
            img_size=IMAGE_SIZE,
            patch_size=_PATCH,
            embed_dim=_WIDTH,
            out_chans=_WIDTH,
            depth=2,
            num_heads=4,
            mlp_ratio=2,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=4,
            global_attn_indexes=[1],
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=_WIDTH,
            image_embedding_size=(side, side),
            input_image_size=(IMAGE_SIZE, IMAGE_SIZE),
            mask_in_chans=8,
        ),
        mask_decoder=MaskDecoder(
            transformer_dim=_WIDTH,
            transformer=TwoWayTransformer(depth=2, embedding_dim=_WIDTH, mlp_dim=96, num_heads=4),
            num_multimask_outputs=3,
            iou_head_depth=2,
            iou_head_hidden_dim=48,
        ),
        pixel_mean=[123.675, 116.28, 103.53],
        pixel_std=[58.395, 57.12, 57.375],
    )
    if checkpoint:
        weights = torch.load(checkpoint, map_location="cpu", weights_only=True)
        network.load_state_dict(weights)  # stored in half precision, used in full
    return network.eval()
