"""vid2vid: clips of labels, poses or faces to videos, with a memory and a flow (Wang et al. 2018, arXiv:1808.06601)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from i2i_zoo.annotations import (
    Betas,
    Blocks,
    BlocksOrNone,
    Channels,
    Count,
    Ge,
    Halvings,
    Le,
    LearningRate,
    Positive,
    Weight,
    Width,
)
from i2i_zoo.errors import ZooError
from i2i_zoo.media.faces import CHANNELS
from i2i_zoo.pretrained.backbones import Backbone
from i2i_zoo.pretrained.flow import FlowNetwork
from i2i_zoo.tasks.dancer import InOrderDancerTask
from i2i_zoo.tasks.face_clips import FaceClipsTask
from i2i_zoo.tasks.label_clips import LabelClipsTask

from .vid2vid_training import TEMPORAL, Vid2VidMethod


class Vid2Vid(LabelClipsTask, Vid2VidMethod):
    """vid2vid.  The defaults are the authors' code and its script for Cityscapes at 512x256 (``street/train_512.sh``).

    Batches may have ``flow`` (B, T, 2, H, W), from each frame to the one before it, as `StreetClips` has; without it
    RAFT finds it (the authors take FlowNet2).  A clip is made in chunks, and each chunk is a step of every player.
    What has been made is remembered, without gradient.  Flows over several frames, for the temporal discriminators, are
    composed of those between neighbours; the authors' are found anew.

    Drawings of edges are label maps with two labels, of the palette ``lines``.  Poses are for `Vid2VidPose`, and the
    landmarks of faces for `Vid2VidFace`.

    With several scales, losses see the finest one.  The authors train each scale first with the coarser ones frozen
    (``frozen_epochs``), from a checkpoint without it (``--init_from``).

    Args:
        labels: Number of labels.
        edges: Whether the networks see the boundaries of instances.
        past: How many frames before are seen.
        width: Channels of the first layer of the generator's coarsest scale.
        downs: How many times it halves the resolution.
        blocks: Its residual blocks.
        scales: Number of the generator's scales (sec. 3.2); each doubles the resolution, with half the channels.
        fine_blocks: Residual blocks of each finer scale.
        foreground: Labels of what has a network of its own (sec. 3.1); cars are 26 in Cityscapes.  None in the code's
            defaults.
        first_frame: Whether a clip begins with ``given`` frames, or the model makes those too, from ``nothing``
            (``--no_first_img``).
        discriminator_width: Channels of the discriminators' first layers.
        discriminator_scales: Resolutions of each discriminator.
        temporal_scales: Number of temporal discriminators: of neighbouring frames, of every third, every ninth ...
        lambda_feature_matching: Weight of the feature matching losses.
        lambda_perceptual: Weight of the perceptual loss; 0 leaves it out.
        perceptual: Classifier of the perceptual loss.
        lambda_flow: Weight of the distance of the flow from that of the real frames, halved with each finer scale.
        lambda_warp: Weight of the distances of warped frames, real and made.
        lambda_weight: Weight of the loss by which a model without given frames should warp where it can; 10 in the
            paper.
        flow: Finds the flow of batches that have none.
        frames: How many frames of a clip are made, at first.
        chunk: How many frames are made for one update, at most; 12 are the authors' six GPUs with two frames each.
        gradient_frames: How many frames the gradient goes through at most; the authors' 1 is one frame at a time.
        growth_epochs: After so many epochs each, twice as many frames of a clip are made, and the gradient goes through
            twice as many.
        frozen_epochs: First epochs, in which only the finest scale is trained.
        lr: Learning rate of Adam.
        betas: Decay rates of Adam's moments.
        epochs: Epochs at the full learning rate.
        decay_epochs: Epochs of linear decay after them, but not of the temporal discriminators' rates.

    Raises:
        ZooError: For a label of the foreground that is out of range.
    """

    def __init__(
        self,
        labels: Channels = 35,
        edges: bool = True,
        past: Annotated[int, Ge(1), Le(16)] = 2,
        width: Width = 128,
        downs: Halvings = 3,
        blocks: Blocks = 9,
        scales: Annotated[int, Ge(1), Le(3)] = 1,
        fine_blocks: BlocksOrNone = 3,
        foreground: Sequence[Count] = (26,),
        first_frame: Literal["given", "nothing"] = "given",
        discriminator_width: Width = 64,
        discriminator_scales: Halvings = 2,
        temporal_scales: Annotated[int, Ge(0), Le(len(TEMPORAL))] = 2,
        lambda_feature_matching: Weight = 10.0,
        lambda_perceptual: Weight = 10.0,
        perceptual: Backbone = "vgg19",
        lambda_flow: Weight = 10.0,
        lambda_warp: Weight = 10.0,
        lambda_weight: Weight = 1.0,
        flow: FlowNetwork = "raft_large",
        frames: Positive = 6,
        chunk: Positive = 12,
        gradient_frames: Positive = 1,
        growth_epochs: Positive = 5,
        frozen_epochs: Count = 0,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 10,
        decay_epochs: Count = 10,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        if beyond := [label for label in foreground if label >= labels]:
            raise ZooError(f"foreground={beyond[0]} is no label among 0 to {labels - 1}: name others, or none.")
        self.build(foreground)

    @property
    def guide_channels(self) -> int:
        return self.label_channels

    @property
    def needs_first(self) -> bool:
        return bool(self.hparams.first_frame == "given")


class Vid2VidPose(InOrderDancerTask, Vid2VidMethod):
    """vid2vid from poses to the video of one person.  The defaults are those of the authors' ``pose/train_256p.sh``.

    It sees stick figures of 18 points; the authors' networks see a rendering of DensePose beside them, and do without
    flow if there is none.  The first frame is made from nothing, as theirs is.  `Vid2Vid` says what the flow is.

    Args:
        past, width, downs, blocks, scales, fine_blocks: See `Vid2Vid`.
        discriminator_width, discriminator_scales, temporal_scales: See `Vid2Vid`.
        lambda_feature_matching, lambda_perceptual, perceptual, lambda_flow, lambda_warp, lambda_weight: See `Vid2Vid`.
        flow, frames, chunk, gradient_frames, growth_epochs, frozen_epochs: See `Vid2Vid`.
        lr, betas, epochs, decay_epochs: See `Vid2Vid`.
    """

    def __init__(
        self,
        past: Annotated[int, Ge(1), Le(16)] = 2,
        width: Width = 128,
        downs: Halvings = 3,
        blocks: Blocks = 9,
        scales: Annotated[int, Ge(1), Le(3)] = 1,
        fine_blocks: BlocksOrNone = 3,
        discriminator_width: Width = 64,
        discriminator_scales: Halvings = 2,
        temporal_scales: Annotated[int, Ge(0), Le(len(TEMPORAL))] = 2,
        lambda_feature_matching: Weight = 10.0,
        lambda_perceptual: Weight = 10.0,
        perceptual: Backbone = "vgg19",
        lambda_flow: Weight = 10.0,
        lambda_warp: Weight = 10.0,
        lambda_weight: Weight = 1.0,
        flow: FlowNetwork = "raft_large",
        frames: Positive = 12,
        chunk: Positive = 3,
        gradient_frames: Positive = 1,
        growth_epochs: Positive = 5,
        frozen_epochs: Count = 0,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 5,
        decay_epochs: Count = 5,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.build()

    @property
    def guide_channels(self) -> int:
        return 3


class Vid2VidFace(FaceClipsTask, Vid2VidMethod):
    """vid2vid from the landmarks of a face to its video.  The defaults are those of the authors' ``face/train_512.sh``.

    It sees the curves of the face and the distance from each of them (`i2i_zoo.media.faces`), as their networks do.
    They give the first frames, and so does this by default.  `Vid2Vid` says what the flow is.

    Args:
        past, width, downs, blocks, scales, fine_blocks, first_frame: See `Vid2Vid`.
        discriminator_width, discriminator_scales, temporal_scales: See `Vid2Vid`.
        lambda_feature_matching, lambda_perceptual, perceptual, lambda_flow, lambda_warp, lambda_weight: See `Vid2Vid`.
        flow, frames, chunk, gradient_frames, growth_epochs, frozen_epochs: See `Vid2Vid`.
        lr, betas, epochs, decay_epochs: See `Vid2Vid`.
    """

    def __init__(
        self,
        past: Annotated[int, Ge(1), Le(16)] = 2,
        width: Width = 128,
        downs: Halvings = 3,
        blocks: Blocks = 9,
        scales: Annotated[int, Ge(1), Le(3)] = 1,
        fine_blocks: BlocksOrNone = 3,
        first_frame: Literal["given", "nothing"] = "given",
        discriminator_width: Width = 64,
        discriminator_scales: Halvings = 3,
        temporal_scales: Annotated[int, Ge(0), Le(len(TEMPORAL))] = 2,
        lambda_feature_matching: Weight = 10.0,
        lambda_perceptual: Weight = 10.0,
        perceptual: Backbone = "vgg19",
        lambda_flow: Weight = 10.0,
        lambda_warp: Weight = 10.0,
        lambda_weight: Weight = 1.0,
        flow: FlowNetwork = "raft_large",
        frames: Positive = 12,
        chunk: Positive = 6,
        gradient_frames: Positive = 1,
        growth_epochs: Positive = 5,
        frozen_epochs: Count = 0,
        lr: LearningRate = 2e-4,
        betas: Betas = (0.5, 0.999),
        epochs: Count = 20,
        decay_epochs: Count = 20,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.build()

    @property
    def guide_channels(self) -> int:
        return CHANNELS

    @property
    def needs_first(self) -> bool:
        return bool(self.hparams.first_frame == "given")
