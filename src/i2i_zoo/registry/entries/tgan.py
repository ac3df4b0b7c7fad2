"""TGAN."""

from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="tgan",
    implementation="i2i_zoo.methods.tgan:TGAN",
    title="TGAN",
    task="clips",
    paper="https://arxiv.org/abs/1611.06624",
    citation="""
@inproceedings{saito2017tgan,
  title = {{Temporal Generative Adversarial Nets with Singular Value Clipping}},
  author = {Saito, Masaki and Matsumoto, Eiichi and Saito, Shunta},
  booktitle = {IEEE International Conference on Computer Vision (ICCV)},
  year = {2017},
}
""",
)

ENTRIES: tuple[Entry, ...] = ()
