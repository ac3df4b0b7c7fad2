"""The stage in which Monkey-Net learns to predict how key points move (the authors' ``prediction.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from i2i_zoo.errors import ZooError
from i2i_zoo.networks.keypoints import KeyPoints
from i2i_zoo.networks.motion import MotionPredictor
from i2i_zoo.tasks.animation import AnimationTask

from .base import Method
from .schedules import Plateau

#: After how many epochs without a lower loss the predictor's learning rate falls.
PATIENCE = 50


class PredictedMotion(AnimationTask, Method):
    """A ``keypoint_detector`` whose key points a ``motion_predictor`` learns to predict, after all else is trained.

    A subclass has the hyper-parameters ``epochs``, ``prediction_epochs``, ``predicts_covariance`` and
    ``prediction_lr``, and builds the predictor if the first two leave it a stage.
    """

    keypoint_detector: nn.Module
    motion_predictor: MotionPredictor

    def __init__(self) -> None:
        super().__init__()
        self.plateau = Plateau(PATIENCE)
        #: Those of the batches of this epoch.
        self.prediction_losses: list[Tensor] = []

    def build_predictor(self, keypoints: int, width: int) -> None:
        self.predicts = True
        self.inference_networks = (*self.inference_networks, "motion_predictor")
        self.motion_predictor = MotionPredictor(keypoints, width)

    @property
    def in_prediction(self) -> bool:
        """Whether this is the prediction's stage."""
        return self.predicts and self.current_epoch >= self.hparams.epochs

    def prediction_step(self, video: Tensor) -> None:
        """The update of the predictor: key points of clips (B, T, C, H, W), from those of their first frames.

        The authors find the key points of all clips once, before; here clips may be mirrored or begin anywhere.
        """
        if video.shape[1] < 2:
            raise ZooError("Clips of one frame show no motion to predict: use --data.frames 32.")
        self.keypoint_detector.eval()  # its norms take their running statistics, as at inference
        with torch.no_grad():
            found = [self.detect(frame) for frame in video.unbind(1)]
        with self.update("motion_predictor") as loss:
            predicted = self.motion_predictor(found[0], len(found))
            for name, made, real in zip(("mean", "covariance"), predicted, zip(*found, strict=True), strict=True):
                loss[name] = F.l1_loss(made[:, 1:], torch.stack(real[1:], 1))
        self.prediction_losses.append(torch.stack(list(loss.values())).sum().detach())

    def on_train_epoch_end(self) -> None:
        if self.prediction_losses:
            loss = torch.stack(self.prediction_losses).mean()
            self.plateau.after(float(self.trainer.strategy.reduce(loss, reduce_op="mean")))
            self.prediction_losses = []
        super().on_train_epoch_end()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["plateau"] = vars(self.plateau).copy()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.plateau = Plateau(**checkpoint.get("plateau", {"patience": PATIENCE}))  # older runs have none

    def configure_optimizer(self, player: str, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        if player != "motion_predictor":
            return super().configure_optimizer(player, parameters)
        return torch.optim.Adam(parameters, lr=self.hparams.prediction_lr)

    @property
    def schedule_epochs(self) -> int | None:
        return int(self.hparams.epochs + self.hparams.prediction_epochs)

    def initial_tensors(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The predictor, which a first stage lacks, begins anew."""
        own = {name: tensor for name, tensor in self.state_dict().items() if name.startswith("motion_predictor.")}
        return {**own, **tensors}

    def predicted(self, first: KeyPoints, frames: int) -> KeyPoints:
        own = KeyPoints(first.mean[:, None], first.covariance[:, None])
        mean, covariance = self.motion_predictor(first, frames)
        if not self.hparams.predicts_covariance:
            covariance = own.covariance.expand_as(covariance)
        # The first frame keeps its own.
        return KeyPoints(*(torch.cat([a, b[:, 1:]], 1) for a, b in zip(own, (mean, covariance), strict=True)))
