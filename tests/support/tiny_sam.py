"""Segment Anything with a few thousand random weights, built by the library's own code."""

import importlib

import torch

from auto_labeling.models import catalog

SAM = "segment-anything-vitb-torch"
SAM2 = "segment-anything-2.1-hiera-tiny-image-torch"


def tiny_sam(checkpoint=None):
    """A Segment Anything of a few thousand weights, as ``segment_anything.build_sam`` builds it."""
    from functools import partial

    from segment_anything.modeling import (
        ImageEncoderViT,
        MaskDecoder,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    torch.manual_seed(51)
    side, patch, width = 128, 16, 32
    model = Sam(
        image_encoder=ImageEncoderViT(
            depth=1,
            embed_dim=width,
            img_size=side,
            mlp_ratio=2,
            norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
            num_heads=2,
            patch_size=patch,
            qkv_bias=True,
            use_rel_pos=True,
            global_attn_indexes=[0],
            window_size=4,
            out_chans=width,
        ),
        prompt_encoder=PromptEncoder(
            embed_dim=width,
            image_embedding_size=(side // patch, side // patch),
            input_image_size=(side, side),
            mask_in_chans=8,
        ),
        mask_decoder=MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=1, embedding_dim=width, mlp_dim=32, num_heads=2),
            transformer_dim=width,
            iou_head_depth=2,
            iou_head_hidden_dim=32,
        ),
        pixel_mean=[123.675, 116.28, 103.53],
        pixel_std=[58.395, 57.12, 57.375],
    )
    if checkpoint:
        model.load_state_dict(torch.load(checkpoint, weights_only=True))
    return model.eval()


def put_in_zoo(folder, monkeypatch):
    """Puts a tiny SAM 1 and 2.1 in place of the large ones.

    Args:
        folder: the folder that becomes FiftyOne's model zoo
        monkeypatch: pytest's fixture, which undoes it

    Returns:
        the network of SAM 2.1
    """
    import fiftyone as fo
    from sam2.build_sam import build_sam2

    monkeypatch.setattr(fo.config, "model_zoo_dir", str(folder))
    # `segment_anything.build_sam` is also a function, which hides the module.
    builders = importlib.import_module("segment_anything.build_sam")
    monkeypatch.setattr(builders, "build_sam_vit_b", tiny_sam)
    torch.save(tiny_sam().state_dict(), folder / catalog.get_model(SAM).entry["base_filename"])
    torch.manual_seed(51)
    entry = catalog.get_model(SAM2).entry
    settings = entry["default_deployment_config_dict"]["config"]["entrypoint_args"]
    network = build_sam2(settings["config_file"], ckpt_path=None, device="cpu")
    torch.save({"model": network.state_dict()}, folder / entry["base_filename"])
    return network
