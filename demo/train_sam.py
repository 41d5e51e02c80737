"""Trains the demo's segmenter: a tiny Segment Anything that turns boxes into masks.

.. code-block:: shell

    nice -n 10 python -m auto_labeling.demo.train_sam

This command downloads nothing. It writes ``demo/weights/shapes-sam.pt``, with the measured scores
beside it. The network is a small one of ``segment_anything``. Unlike the weights of Ultralytics,
these are under this project's own license.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from segment_anything import SamPredictor
from segment_anything.modeling import Sam
from segment_anything.utils.transforms import ResizeLongestSide

from auto_labeling.demo import sam, shapes
from auto_labeling.demo.scoring import IOU, mask_iou
from auto_labeling.demo.train import TEST_IMAGES, TEST_SEED, TRAIN_SEED, WEIGHTS

OUTPUT = WEIGHTS / "shapes-sam.pt"
TIGHT = 0.75

_BATCH = 8
_RATE = 1.5e-3
_WARM_UP = 50
_JITTER = 0.08  # of a box's sides, since the boxes of detectors are not exact
_LOGITS = sam.IMAGE_SIZE // 4  # the side of the decoder's masks, in pixels


def train(images: int, epochs: int) -> Sam:
    """Trains a segmenter.

    Args:
        images: the number of images to draw
        epochs: the number of passes over them

    Returns:
        the network
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(TRAIN_SEED)
    network = sam.build().train()
    # Boxes are the only prompts: the encoders of masks and points get no gradient.
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=0.01)
    scenes = [_prepared(scene) for scene in shapes.generate(images, TRAIN_SEED)]
    steps = epochs * (len(scenes) // _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _pace(step, steps))
    for epoch in range(epochs):
        total = 0.0
        order = rng.permutation(len(scenes))[: len(scenes) // _BATCH * _BATCH]
        for batch in order.reshape(-1, _BATCH):
            loss = _loss(network, [scenes[index] for index in batch], rng)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{epochs}: loss {total * _BATCH / len(order):.4f}", flush=True)
    return network.eval()


def measure(path: Path, images: int = TEST_IMAGES, seed: int = TEST_SEED) -> dict[str, float]:
    """Scores the masks that a checkpoint makes of exact boxes, on images that it has not seen.

    Args:
        path: the checkpoint
        images (500): the number of images
        seed (4): the seed of the images

    Returns:
        the mean IoU with the true masks, and the shares of masks that reach two thresholds
    """
    predictor = SamPredictor(sam.build(str(path)))
    ious: list[float] = []
    for scene in shapes.generate(images, seed):
        predictor.set_image(scene.image)
        boxes = predictor.transform.apply_boxes_torch(
            torch.from_numpy(corners(scene.objects)), scene.image.shape[:2]
        )
        masks, _, _ = predictor.predict_torch(None, None, boxes, multimask_output=False)
        ious += [
            mask_iou(mask, shape.mask)
            for mask, shape in zip(masks[:, 0].numpy(), scene.objects, strict=True)
        ]
    overlaps = np.array(ious)
    return {
        "masks": len(overlaps),
        "mean_iou": round(float(overlaps.mean()), 4),
        f"at_least_{IOU}": round(float((overlaps >= IOU).mean()), 4),
        f"at_least_{TIGHT}": round(float((overlaps >= TIGHT).mean()), 4),
    }


def _pace(step: int, steps: int) -> float:
    """Returns the factor of the learning rate: a short rise, then a cosine."""
    return min((step + 1) / _WARM_UP, 0.5 * (1 + math.cos(math.pi * step / steps)))


def corners(objects: Sequence[shapes.Shape]) -> np.ndarray:
    """Returns the boxes as ``x1, y1, x2, y2`` in pixels, a float32 array of (objects, 4)."""
    boxes = np.array([shape.box for shape in objects], np.float32)
    boxes[:, 2:] += boxes[:, :2]
    return boxes * np.array([shapes.WIDTH, shapes.HEIGHT] * 2, np.float32)


def _prepared(scene: shapes.Scene) -> tuple[torch.Tensor, np.ndarray, torch.Tensor]:
    """Returns ``(image, boxes, masks)`` of a scene, in the sizes of the network.

    The image and the boxes have the size of the input, the masks that of the output.
    """
    transform = ResizeLongestSide(sam.IMAGE_SIZE)
    image = torch.from_numpy(transform.apply_image(scene.image)).permute(2, 0, 1)
    boxes = transform.apply_boxes(corners(scene.objects), scene.image.shape[:2])
    masks = torch.from_numpy(np.stack([shape.mask for shape in scene.objects])).float()[:, None]
    height, width = (round(side * _LOGITS / sam.IMAGE_SIZE) for side in image.shape[1:])
    small = F.interpolate(masks, (height, width), mode="area")
    return image, boxes, F.pad(small, (0, _LOGITS - width, 0, _LOGITS - height))[:, 0]


def _loss(
    network: Sam,
    scenes: Sequence[tuple[torch.Tensor, np.ndarray, torch.Tensor]],
    rng: np.random.Generator,
) -> torch.Tensor:
    """Returns the mean over shapes of cross entropy, dice and the error of the predicted IoU."""
    pictures = torch.stack([network.preprocess(image.float()) for image, _, _ in scenes])
    losses = []
    for embedding, (_, boxes, masks) in zip(network.image_encoder(pictures), scenes, strict=True):
        logits, predicted_iou = _decode(network, embedding, _shaken(boxes, rng))
        odds = logits.sigmoid()
        entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
        intersection = (odds * masks).sum((1, 2))
        dice = 1 - 2 * intersection / (odds.sum((1, 2)) + masks.sum((1, 2)))
        predicted, actual = logits > 0, masks > 0.5
        iou = (predicted & actual).sum((1, 2)) / (predicted | actual).sum((1, 2)).clamp(min=1)
        losses.append(20 * entropy.mean((1, 2)) + dice + (predicted_iou - iou).square())
    return torch.cat(losses).mean()


def _decode(
    network: Sam, embedding: torch.Tensor, boxes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns a logit mask and a predicted IoU for each box."""
    sparse, dense = network.prompt_encoder(points=None, boxes=boxes, masks=None)
    logits, predicted_iou = network.mask_decoder(
        image_embeddings=embedding[None],
        image_pe=network.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=False,
    )
    return logits[:, 0], predicted_iou[:, 0]


def _shaken(boxes: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    moved = boxes + rng.uniform(-_JITTER, _JITTER, boxes.shape) * sides
    return torch.from_numpy(moved.astype(np.float32))


def main(argv: Sequence[str] | None = None) -> int:
    """Trains, writes the checkpoint, and prints its scores as one line of JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m auto_labeling.demo.train_sam", description=__doc__
    )
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--measure", action="store_true", help="only measure the checkpoint again")
    args = parser.parse_args(argv)
    if not args.measure:
        weights = train(args.images, args.epochs).state_dict()
        args.output.parent.mkdir(parents=True, exist_ok=True)
        torch.save({name: value.half() for name, value in weights.items()}, args.output)
    measured = measure(args.output)
    args.output.with_suffix(".json").write_text(json.dumps(measured, indent=2) + "\n")
    print(json.dumps(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
