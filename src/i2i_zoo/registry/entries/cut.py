"""CUT and its checkpoints, with those of FastCUT, the authors' lighter settings."""

from typing import Any

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="cut",
    implementation="i2i_zoo.methods.cut:CUT",
    title="CUT",
    task="unpaired",
    paper="https://arxiv.org/abs/2007.15651",
    citation="""
@inproceedings{park2020cut,
  title = {{Contrastive Learning for Unpaired Image-to-Image Translation}},
  author = {Park, Taesung and Efros, Alexei A. and Zhang, Richard and Zhu, Jun-Yan},
  booktitle = {European Conference on Computer Vision (ECCV)},
  year = {2020},
}
""",
)

_TERMS = (
    "Weights by the authors of CUT (Park, Efros, Zhang, Zhu 2020), whose code is under the BSD licence: "
    "https://github.com/taesungp/contrastive-unpaired-translation/blob/master/LICENSE"
)
_WEIGHTS = "https://efrosgans.eecs.berkeley.edu/CUT/pretrained_models.tar"

#: Prefix of a checkpoint's name and of its folder in the archive, and the hyper-parameters that differ from CUT's.
_CUT: tuple[str, str, dict[str, Any]] = ("", "cut", {})
_FASTCUT: tuple[str, str, dict[str, Any]] = (
    "fastcut-",
    "fastcut",
    {"lambda_nce": 10.0, "nce_identity": False, "flip_equivariance": True, "epochs": 150, "decay_epochs": 50},
)

_CAMVID = Entry(
    name="cut-camvid",
    method="cut",
    dataset="CamVid",
    description="label map to street scene",
    license="other",
    license_notice=terms.CAMVID,
    origin="trained",
    bundled=True,
)

_OFFICIAL = tuple(
    Entry(
        name=f"cut-{prefix}{data}",
        method="cut",
        dataset=dataset,
        description=description,
        license="bsd-2-clause",
        license_notice=f"{_TERMS}; {terms.CITYSCAPES}" if dataset == "Cityscapes" else _TERMS,
        origin="official",
        official={"generator_ab": f"{_WEIGHTS}#{data}_{folder}_pretrained/latest_net_G.pth"},
        hparams=hparams,
        preprocess={"size": [256, 256], **palette},
        recipe_of=f"cut-{prefix}horse2zebra",
    )
    for data, dataset, description, palette in (
        ("cityscapes", "Cityscapes", "label map to street scene", {"source_palette": "cityscapes"}),
        ("horse2zebra", "horse2zebra", "horses to zebras", {}),
        ("cat2dog", "AFHQ", "cat face to dog face, same pose", {}),
    )
    for prefix, folder, hparams in (_CUT, _FASTCUT)
)

ENTRIES = (_CAMVID, *_OFFICIAL)
