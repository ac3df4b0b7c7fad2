"""Fast style transfer and its checkpoints, one for each style."""

from i2i_zoo.registry import terms
from i2i_zoo.registry.entry import Entry, Method

METHOD = Method(
    name="faststyle",
    implementation="i2i_zoo.methods.faststyle:FastStyle",
    title="Fast style transfer",
    task="style",
    paper="https://arxiv.org/abs/1603.08155",
    headlines=("content_loss", "style_loss"),
    used_as="one-style",
    citation="""
@inproceedings{johnson2016faststyle,
  title = {{Perceptual Losses for Real-Time Style Transfer and Super-Resolution}},
  author = {Johnson, Justin and Alahi, Alexandre and Fei-Fei, Li},
  booktitle = {European Conference on Computer Vision (ECCV)},
  year = {2016},
}
""",
)

_TERMS = (
    "Weights by the contributors of PyTorch's examples (2017), under the BSD licence: "
    "https://github.com/pytorch/examples/blob/main/LICENSE"
)
_WEIGHTS = "https://www.dropbox.com/s/lrvwfehqdcxoza8/saved_models.zip?dl=1"


def _official(style: str, description: str) -> Entry:
    """A network of PyTorch's examples; ``style`` is its name in the archive without ``.pth``."""
    return Entry(
        name=f"faststyle-{style.replace('_', '-')}",
        method="faststyle",
        dataset="COCO 2014",
        description=description,
        license="bsd-3-clause",
        license_notice=_TERMS,
        origin="official",
        official={"generator": f"{_WEIGHTS}#saved_models/{style}.pth"},
        recipe_of="faststyle-mosaic",
    )


ENTRIES = (
    Entry(
        name="faststyle-strokes",
        method="faststyle",
        dataset="photographs and paintings",
        description="photo to swirling brush strokes",
        license="other",
        license_notice=terms.PHOTOS_AND_PAINTINGS,
        origin="trained",
        bundled=True,
    ),
    Entry(
        name="faststyle-strokes-batch",
        method="faststyle",
        dataset="photographs and paintings",
        description="photo to swirling brush strokes, with batch norm",
        license="other",
        license_notice=terms.PHOTOS_AND_PAINTINGS,
        origin="trained",
        bundled=True,
    ),
    _official("mosaic", "photo to mosaic"),
    _official("candy", "photo to bright swirls of colour"),
    _official("rain_princess", "photo to painting in the style of Afremov's Rain Princess"),
    _official("udnie", "photo to painting in the style of Picabia's Udnie"),
)
