"""Independent streams of random numbers from one seed."""

from __future__ import annotations

import torch


def numbered_generator(seed: int, first: int, second: int = -1) -> torch.Generator:
    """A random generator on the CPU for a seed and one place, such as an epoch and an index in it."""
    # SplitMix64's finaliser decorrelates neighbouring seeds; a plain sum of multiples would give correlated streams.
    mixed = (seed * 0x9E3779B97F4A7C15 + first * 0xBF58476D1CE4E5B9 + (second + 1) * 0x94D049BB133111EB) % 2**64
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) % 2**64
    return torch.Generator().manual_seed((mixed ^ (mixed >> 31)) % 2**63)
