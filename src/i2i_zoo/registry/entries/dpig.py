"""Disentangled person image generation."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="dpig",
    implementation="i2i_zoo.methods.dpig:DPIG",
    title="DPIG",
    task="pose",
    paper="https://arxiv.org/abs/1712.02621",
    citation="""
@inproceedings{ma2018dpig,
  title = {{Disentangled Person Image Generation}},
  author = {Ma, Liqian and Sun, Qianru and Georgoulis, Stamatios and Van Gool, Luc and Schiele, Bernt
    and Fritz, Mario},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2018},
}
""",
)

ENTRIES: tuple[Entry, ...] = ()
