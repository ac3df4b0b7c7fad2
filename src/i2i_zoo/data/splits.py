"""What the datamodules share: a dataset per split, and its loader."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from .sampler import EpochSampler


class SplitData(L.LightningDataModule):
    """A datamodule whose ``setup`` fills ``datasets``: train, val and test to a dataset indexed by (epoch, index)."""

    def __init__(self, batch_size: int, num_workers: int, seed: int) -> None:
        super().__init__()
        self.batch_size, self.num_workers, self.seed = batch_size, num_workers, seed
        self.datasets: dict[str, Dataset[dict[str, Any]]] = {}

    def loader(self, split: str) -> DataLoader:
        trainer, dataset = self.trainer, self.datasets[split]
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            sampler=EpochSampler(
                len(dataset),  # type: ignore[arg-type]
                shuffle=split == "train",
                seed=self.seed,
                rank=rank,
                world=world,
            ),
            collate_fn=collate,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def train_dataloader(self) -> DataLoader:
        return self.loader("train")

    def val_dataloader(self) -> DataLoader:
        return self.loader("val")

    def test_dataloader(self) -> DataLoader:
        return self.loader("test")

    def predict_dataloader(self) -> DataLoader:
        return self.loader("test")


def collate(items: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch of items; label maps, which may have any size, stay a list of (H, W)."""
    batch = default_collate([{key: value for key, value in item.items() if key != "label"} for item in items])
    return {**batch, "label": [item["label"] for item in items]} if "label" in items[0] else batch
