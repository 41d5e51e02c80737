"""Tiny networks with seeded random weights, saved as Hugging Face checkpoints are."""

import json

import numpy as np
import transformers as hf

from tests.support import zoo_models

#: A confidence that every box of a random network has.
LOW = 1e-6

NAMES = {0: "cat", 1: "dog", 2: "bird"}
_LABELS = {"id2label": NAMES, "label2id": {name: i for i, name in NAMES.items()}}
_BACKBONE = {
    "embed_dim": 8,
    "depths": [1, 1, 1, 1],
    "num_heads": [1, 1, 2, 2],
    "window_size": 4,
    "image_size": 64,
}
_WORDS = ["a", "photo", "of", "red", "cat", "dog", "fire", "##truck", "bird"]


def save(folder, *parts):
    """Saves a model and its processor. Returns the folder's path."""
    for part in parts:
        part.save_pretrained(str(folder))
    return str(folder)


def _encoder(**more):
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    return sizes | {"num_attention_heads": 2} | more


def letters():
    """A CLIP tokenizer that spells."""
    symbols = [chr(code) for code in range(33, 127)]
    vocabulary = [*symbols, *(f"{s}</w>" for s in symbols), "<|startoftext|>", "<|endoftext|>"]
    return hf.CLIPTokenizer(vocab={s: i for i, s in enumerate(vocabulary)}, merges=[])


def vit(folder):
    config = hf.ViTConfig(**_encoder(image_size=32, patch_size=8), **_LABELS)
    processor = hf.ViTImageProcessor(size={"height": 32, "width": 32})
    return save(folder, hf.ViTForImageClassification(config), processor)


def detr(folder):
    backbone = hf.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 16], depths=[1] * 4, out_features=["stage4"]
    )
    config = hf.DetrConfig(
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=backbone,
        num_queries=12,
        **_decoder(16),
        **_LABELS,
    )
    processor = hf.DetrImageProcessor(size={"shortest_edge": 64, "longest_edge": 96})
    return save(folder, hf.DetrForObjectDetection(config), processor)


def _decoder(width):
    return {
        "d_model": width,
        **{"encoder_layers": 1, "decoder_layers": 1},
        **{"encoder_attention_heads": 2, "decoder_attention_heads": 2},
        **{"encoder_ffn_dim": 16, "decoder_ffn_dim": 16},
    }


def _text(tokenizer, length, **more):
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    return _encoder(
        vocab_size=len(tokenizer), max_position_embeddings=length, pad_token_id=0, **ids, **more
    )


def clip(folder):
    tokenizer = letters()
    config = hf.CLIPConfig(
        text_config=_text(tokenizer, 32, projection_dim=16),
        vision_config=_encoder(image_size=32, patch_size=8, projection_dim=16),
        projection_dim=16,
    )
    images = hf.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    processor = hf.CLIPProcessor(image_processor=images, tokenizer=tokenizer)
    return save(folder, hf.CLIPModel(config), processor)


def owlvit(folder):
    tokenizer = letters()
    config = hf.OwlViTConfig(
        text_config=_text(tokenizer, 16),
        vision_config=_encoder(image_size=32, patch_size=8),
        projection_dim=16,
    )
    images = hf.OwlViTImageProcessor(size={"height": 32, "width": 32}, do_center_crop=False)
    processor = hf.OwlViTProcessor(image_processor=images, tokenizer=tokenizer)
    return save(folder, hf.OwlViTForObjectDetection(config), processor)


def words(folder):
    """A BERT tokenizer of a few words, with the ids of its special tokens that models rely on."""
    vocabulary = [f"[unused{i}]" for i in range(1100)]
    special = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
    for index, word in (special | {1012: ".", 1029: "?"} | dict(enumerate(_WORDS, 1040))).items():
        vocabulary[index] = word
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    return hf.BertTokenizer.from_pretrained(str(folder))


def grounding_dino(folder):
    tokenizer = words(folder)
    config = hf.GroundingDinoConfig(
        backbone_config=hf.SwinConfig(**_BACKBONE, out_features=["stage2", "stage3", "stage4"]),
        text_config=hf.BertConfig(**_encoder(vocab_size=1100, max_position_embeddings=64)),
        num_queries=20,
        **(_decoder(32) | {"decoder_layers": 2}),
    )
    images = hf.GroundingDinoImageProcessor(size={"shortest_edge": 128, "longest_edge": 192})
    processor = hf.GroundingDinoProcessor(image_processor=images, tokenizer=tokenizer)
    return save(folder, hf.GroundingDinoForObjectDetection(config), processor)


def mask2former(folder):
    stages = ["stage1", "stage2", "stage3", "stage4"]
    config = hf.Mask2FormerConfig(
        backbone_config=hf.SwinConfig(**_BACKBONE, out_features=stages),
        **{name: 32 for name in ("feature_size", "mask_feature_size", "hidden_dim")},
        encoder_feedforward_dim=16,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        dim_feedforward=16,
        num_queries=8,
        **_LABELS,
    )
    processor = hf.Mask2FormerImageProcessor(size={"height": 64, "width": 64})
    return save(folder, hf.Mask2FormerForUniversalSegmentation(config), processor)


_LEVELS = ["stage2", "stage3", "stage4"]
_RT_DETR = {
    **{"encoder_hidden_dim": 16, "encoder_ffn_dim": 16, "encoder_attention_heads": 2},
    **{"d_model": 16, "decoder_in_channels": [16] * 3, "decoder_ffn_dim": 16},
    **{"decoder_layers": 2, "decoder_attention_heads": 2, "num_queries": 12},
    "use_pretrained_backbone": False,
    **_LABELS,
}


def rtdetr_v2(folder):
    backbone = hf.RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 16], depths=[1] * 4, out_features=_LEVELS
    )
    config = hf.RTDetrV2Config(backbone_config=backbone, encoder_in_channels=[8, 8, 16], **_RT_DETR)
    processor = hf.RTDetrImageProcessor(size={"height": 64, "width": 64})
    return save(folder, hf.RTDetrV2ForObjectDetection(config), processor)


def dfine(folder):
    backbone = hf.HGNetV2Config(
        stem_channels=[3, 8, 8],
        stage_in_channels=[8, 16, 16, 16],
        stage_mid_channels=[8] * 4,
        stage_out_channels=[16] * 4,
        stage_num_blocks=[1] * 4,
        stage_numb_of_layers=[1] * 4,
        stage_downsample=[False, True, True, True],
        stage_light_block=[False] * 4,
        stage_kernel_size=[3] * 4,
        hidden_sizes=[16] * 4,
        depths=[1] * 4,
        embedding_size=8,
        out_features=_LEVELS,
    )
    config = hf.DFineConfig(backbone_config=backbone, encoder_in_channels=[16] * 3, **_RT_DETR)
    processor = hf.RTDetrImageProcessor(size={"height": 64, "width": 64})
    return save(folder, hf.DFineForObjectDetection(config), processor)


def llmdet(folder):
    """LLMDet is MM Grounding DINO with other weights."""
    tokenizer = words(folder)
    config = hf.MMGroundingDinoConfig(
        backbone_config=hf.SwinConfig(**_BACKBONE, out_features=_LEVELS),
        text_config=hf.BertConfig(**_encoder(vocab_size=1100, max_position_embeddings=64)),
        num_queries=20,
        **(_decoder(32) | {"decoder_layers": 2}),
    )
    images = hf.GroundingDinoImageProcessor(size={"shortest_edge": 128, "longest_edge": 192})
    processor = hf.GroundingDinoProcessor(image_processor=images, tokenizer=tokenizer)
    network = hf.MMGroundingDinoForObjectDetection(config)
    for name, weight in network.named_parameters():
        if "class_embed" in name:  # or a network that has learnt nothing says nothing
            weight.data.zero_()
    return save(folder, network, processor)


def omdet_turbo(folder):
    tokenizer = letters()
    width = {
        **{"text_projection_in_dim": 32, "text_projection_out_dim": 32, "class_embed_dim": 32},
        **{"task_encoder_hidden_dim": 32, "vision_features_channels": [16] * 3},
        **{"encoder_hidden_dim": 16, "encoder_dim_feedforward": 16, "encoder_layers": 1},
        **{"decoder_hidden_dim": 16, "decoder_dim_feedforward": 16, "decoder_num_layers": 1},
        **{"encoder_attention_heads": 2, "decoder_num_heads": 2},
    }
    config = hf.OmDetTurboConfig(
        text_config=hf.CLIPTextConfig(**(_text(tokenizer, 32) | {"hidden_size": 32})),
        backbone_config=hf.SwinConfig(**_BACKBONE, out_features=_LEVELS),
        **{"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None},
        apply_layernorm_after_vision_backbone=False,
        encoder_in_channels=[16, 32, 64],
        num_queries=12,
        image_size=64,
        **width,
    )
    images = hf.DetrImageProcessor(size={"height": 64, "width": 64})
    processor = hf.OmDetTurboProcessor(image_processor=images, tokenizer=tokenizer)
    return save(folder, hf.OmDetTurboForObjectDetection(config), processor)


def siglip(folder):
    tokenizer = letters()
    config = hf.SiglipConfig(
        text_config=_text(tokenizer, 64, projection_size=16),
        vision_config=_encoder(image_size=32, patch_size=8),
    )
    images = hf.SiglipImageProcessor(size={"height": 32, "width": 32})
    processor = hf.SiglipProcessor(image_processor=images, tokenizer=tokenizer)
    return save(folder, hf.SiglipModel(config), processor)


def oneformer(folder):
    tokenizer = letters()
    tokenizer.model_max_length = 77
    config = hf.OneFormerConfig(
        backbone_config=hf.SwinConfig(**_BACKBONE, out_features=["stage1", *_LEVELS]),
        use_pretrained_backbone=False,
        **{name: 32 for name in ("hidden_dim", "conv_dim", "mask_dim")},
        **{"encoder_feedforward_dim": 16, "encoder_layers": 1, "dim_feedforward": 16},
        **{"decoder_layers": 2, "query_dec_layers": 1, "num_attention_heads": 2},
        # Queries that have learnt nothing hide each other, and what is hidden is left out.
        **{"num_queries": 1, "task_seq_len": 77, "max_seq_len": 77},
        **{"text_encoder_width": 16, "text_encoder_num_layers": 1, "text_encoder_n_ctx": 0},
        **{"text_encoder_vocab_size": len(tokenizer), "text_encoder_proj_layers": 1},
        **_LABELS,
    )
    folder.mkdir()
    told = {str(index): {"isthing": 1, "name": name} for index, name in NAMES.items()}
    (folder / "classes.json").write_text(json.dumps(told))
    images = hf.OneFormerImageProcessor(
        size={"height": 64, "width": 64},
        repo_path=str(folder),
        class_info_file="classes.json",
        num_text=4,
        num_labels=3,
    )
    processor = hf.OneFormerProcessor(image_processor=images, tokenizer=tokenizer)
    network = hf.OneFormerForUniversalSegmentation(config)
    for name, weight in network.named_parameters():
        if name.endswith("class_embed.bias"):
            weight.data[1] = 10.0  # and it must be sure of what it sees
        elif "mask_embed.layers.2" in name:
            weight.data *= 20.0  # and where
    return save(folder, network, processor)


def assert_boxes(found, expected, names, size, threshold=LOW):
    """Compares detections with the library's own output, ``{"scores": …, "boxes": …}``."""
    keep = expected["scores"].numpy() >= threshold
    assert keep.sum() == len(found) > 0
    assert [d.label for d in found] == [n for n, k in zip(names, keep, strict=True) if k]
    np.testing.assert_allclose(
        [d.confidence for d in found], expected["scores"].detach().numpy()[keep], atol=1e-4
    )
    np.testing.assert_allclose(
        [zoo_models.corners(d, size) for d in found],
        expected["boxes"].detach().numpy()[keep],
        atol=0.5,
    )
