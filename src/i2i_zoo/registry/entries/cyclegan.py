"""CycleGAN and its checkpoints."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="cyclegan",
    implementation="i2i_zoo.methods.cyclegan:CycleGAN",
    title="CycleGAN",
    task="unpaired",
    paper="https://arxiv.org/abs/1703.10593",
    citation="""
@inproceedings{zhu2017cyclegan,
  title = {{Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks}},
  author = {Zhu, Jun-Yan and Park, Taesung and Isola, Phillip and Efros, Alexei A.},
  booktitle = {IEEE International Conference on Computer Vision (ICCV)},
  year = {2017},
}
""",
)

_TERMS = (
    "Weights by the authors of CycleGAN (Zhu, Park, Isola, Efros 2017), whose code is under the BSD licence: "
    "https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/LICENSE"
)
_WEIGHTS = "https://efrosgans.eecs.berkeley.edu/cyclegan/pretrained_models"


def _official(file: str, dataset: str, description: str, **palette: str) -> Entry:
    """One of the authors' generators; ``file`` is its name without ``.pth``."""
    return Entry(
        name=f"cyclegan-{file}",
        method="cyclegan",
        dataset=dataset,
        description=description,
        license="bsd-2-clause",
        license_notice=f"{_TERMS}; {terms.CITYSCAPES}" if dataset == "Cityscapes" else _TERMS,
        origin="official",
        official={"generator_ab": f"{_WEIGHTS}/{file}.pth"},
        preprocess={"size": [256, 256], **palette},
        recipe_of="cyclegan-horse2zebra",
    )


ENTRIES = (
    Entry(
        name="cyclegan-camvid",
        method="cyclegan",
        dataset="CamVid",
        description="label map to street scene and back",
        license="other",
        license_notice=terms.CAMVID,
        origin="trained",
        bundled=True,
    ),
    _official("apple2orange", "apple2orange", "apples to oranges"),
    _official("orange2apple", "apple2orange", "oranges to apples"),
    _official("summer2winter_yosemite", "summer2winter_yosemite", "Yosemite in summer to Yosemite in winter"),
    _official("winter2summer_yosemite", "summer2winter_yosemite", "Yosemite in winter to Yosemite in summer"),
    _official("horse2zebra", "horse2zebra", "horses to zebras"),
    _official("zebra2horse", "horse2zebra", "zebras to horses"),
    _official("monet2photo", "monet2photo", "Monet painting to landscape photo"),
    _official("style_monet", "monet2photo", "landscape photo to Monet painting"),
    _official("style_cezanne", "cezanne2photo", "landscape photo to Cézanne painting"),
    _official("style_ukiyoe", "ukiyoe2photo", "landscape photo to ukiyo-e print"),
    _official("style_vangogh", "vangogh2photo", "landscape photo to Van Gogh painting"),
    _official("sat2map", "Google Maps", "aerial photo to street map"),
    _official("map2sat", "Google Maps", "street map to aerial photo"),
    _official("cityscapes_photo2label", "Cityscapes", "street scene to label map", target_palette="cityscapes"),
    _official("cityscapes_label2photo", "Cityscapes", "label map to street scene", source_palette="cityscapes"),
    _official("facades_photo2label", "CMP Facades", "building facade to label map"),
    _official("facades_label2photo", "CMP Facades", "label map to building facade"),
    _official("iphone2dslr_flower", "iphone2dslr_flower", "phone photo of flowers to DSLR photo with shallow focus"),
)
