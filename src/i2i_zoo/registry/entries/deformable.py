"""The Deformable GAN."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="deformable",
    implementation="i2i_zoo.methods.deformable:Deformable",
    title="Deformable GAN",
    task="pose",
    paper="https://arxiv.org/abs/1801.00055",
)

ENTRIES: tuple[Entry, ...] = ()
