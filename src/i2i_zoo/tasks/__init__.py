"""The tasks: the contract between data, methods, metrics and the person who calls ``translate``.

``preprocess`` is a method's record of how pictures became its training tensors.  Keys, all optional:

- ``size``: [height, width] of the pictures that it was trained and tested on;
- ``source_palette``, ``target_palette``: the `PALETTES` name of the colours of a side that is a label map;
  of two domains A is the source and B the target;
- ``made_from``: the source was made from the photograph itself: ``lab`` (lightness), ``edges`` or ``hole``;
- ``dont_care``: the id in files of label maps that stands for the last label.
"""

from .one_style import OneStyleTask
from .paired import PairedTask
from .semantic import SemanticTask
from .style import StyleTask
from .unpaired import UnpairedTask

__all__ = ["OneStyleTask", "PairedTask", "SemanticTask", "StyleTask", "UnpairedTask"]
