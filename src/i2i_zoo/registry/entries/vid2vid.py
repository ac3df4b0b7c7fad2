"""vid2vid and its checkpoints."""

from typing import Any

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="vid2vid",
    implementation="i2i_zoo.methods.vid2vid:Vid2Vid",
    title="vid2vid",
    task="semantic-clips",
    paper="https://arxiv.org/abs/1808.06601",
    citation="""
@inproceedings{wang2018vid2vid,
  title = {{Video-to-Video Synthesis}},
  author = {Wang, Ting-Chun and Liu, Ming-Yu and Zhu, Jun-Yan and Liu, Guilin and Tao, Andrew and Kautz, Jan
    and Catanzaro, Bryan},
  booktitle = {Advances in Neural Information Processing Systems (NeurIPS)},
  year = {2018},
}
""",
)


#: Of all their weights.
LICENSE_NOTICE = (
    "Weights by the authors of vid2vid (Wang, Liu, Zhu, Liu, Tao, Kautz, Catanzaro 2018), NVIDIA Corporation, whose "
    "code is under CC BY-NC-SA 4.0: https://github.com/NVIDIA/vid2vid/blob/master/LICENSE.txt"
)


def _official(name: str, archive: str, folder: str, scales: int, size: tuple[int, int], **more: Any) -> Entry:
    """One of the authors' generators for Cityscapes.

    Their ``scripts/street`` name the archive and, as an option of the test, the folder; it has a file for each scale.
    """
    networks = ("generator", "generator_1", "generator_2")[:scales]
    address = f"https://drive.google.com/uc?id={archive}#{folder}"
    return Entry(
        name=name,
        method="vid2vid",
        dataset="Cityscapes",
        description="label maps of a drive to its video",
        license="cc-by-nc-sa-4.0",
        license_notice=LICENSE_NOTICE,
        origin="official",
        official={network: f"{address}/latest_net_G{scale}.pth" for scale, network in enumerate(networks)},
        hparams={"labels": 35, "edges": True, "foreground": [26], "first_frame": "given"},
        preprocess={"size": list(size), "source_palette": "cityscapes"},
        **more,
    )


ENTRIES = (
    Entry(
        name="vid2vid-streets",
        method="vid2vid",
        dataset="Rendered streets",
        description="label maps of a drive to its video",
        license="apache-2.0",
        license_notice=terms.RENDERED_STREETS,
        origin="trained",
        bundled=True,
        left_out=("first",),
    ),
    _official("vid2vid-cityscapes", "1MKtImgtnGC28EPU7Nh9DfFpHW6okNVkl", "label2city_2048", 3, (1024, 2048)),
    _official(
        "vid2vid-cityscapes-1024x512",
        *("1QoE1p3QikxNVbbTBWWRDtIspg-RcLE8y", "label2city_1024_g1", 3, (512, 1024)),
        recipe_of="vid2vid-cityscapes",
    ),
)
