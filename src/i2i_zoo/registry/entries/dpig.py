"""Disentangled person image generation."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="dpig",
    implementation="i2i_zoo.methods.dpig:DPIG",
    title="DPIG",
    task="pose",
    paper="https://arxiv.org/abs/1712.02621",
)

ENTRIES: tuple[Entry, ...] = ()
