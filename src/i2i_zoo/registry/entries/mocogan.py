"""MoCoGAN."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="mocogan",
    implementation="i2i_zoo.methods.mocogan:MoCoGAN",
    title="MoCoGAN",
    task="clips",
    paper="https://arxiv.org/abs/1707.04993",
)

ENTRIES: tuple[Entry, ...] = ()
