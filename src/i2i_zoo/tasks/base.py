"""The contract between data, methods, metrics and the person who calls ``translate`` or ``sample``."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import lightning as L
import torch
from torch import Tensor

from i2i_zoo.annotations import CheckedArguments
from i2i_zoo.errors import ZooError

from .conditions import Condition, check_conditions, need
from .graph import Graph
from .kinds import Picture
from .preprocess import Preprocess
from .sampler import Sampler
from .translator import Translator
from .videos import translate_sources

if TYPE_CHECKING:
    from typing_extensions import Self


class Prediction(NamedTuple):
    """The pictures, or the clips, that one batch gave in one direction."""

    direction: str
    names: Sequence[str]
    #: (B, 1 or 3, H, W) in [-1, 1]; clips are (B, T, 1 or 3, H, W).
    pictures: Tensor


class Task(L.LightningModule, metaclass=CheckedArguments):
    """What goes in, what comes out, what may be chosen, what is measured and what is shown.

    A subclass declares the class attributes, and implements the abstract methods and either `make_translator` or
    `make_sampler`.  A method is a subclass of its task and of `i2i_zoo.methods.base.Method`.
    """

    #: What people use the model for.
    verb: ClassVar[Literal["translate", "sample"]] = "translate"
    #: What they get.
    makes: ClassVar[Literal["pictures", "clips"]] = "pictures"
    #: The keys of a training batch.
    batch_keys: ClassVar[tuple[str, ...]]
    #: The datamodule of this package whose batches have these keys, for messages.
    data_class: ClassVar[str] = "another datamodule"
    #: The argument of that datamodule that says how large its training pictures are, for messages.
    size_option: ClassVar[str] = "crop_size"
    #: Keys of a batch to the hyper-parameters that hold their numbers of channels.
    channel_options: ClassVar[Mapping[str, str]] = {}
    #: Keys of a batch that hold points (B, N, 3) of x and y in pixels and visibility, 0 or 1.
    point_keys: ClassVar[tuple[str, ...]] = ()
    #: Whether the tensors of a batch are compared pixel by pixel, so that they have one size.
    aligned: ClassVar[bool] = False
    #: Whether training uses the ``flow`` (B, T, 2, H, W) of a batch of clips, where it has one.
    uses_flow: ClassVar[bool] = False
    #: Whether training mirrors pictures of any size up to the stride of the network by itself.
    trains_at_any_size: ClassVar[bool] = False
    #: Names of the metrics to use by default.
    default_metrics: ClassVar[tuple[str, ...]] = ()
    #: Losses that `measured` returns and whose means may be metrics, with their titles.
    measured_losses: ClassVar[Mapping[str, str]] = {}
    #: Whether there is a `change`.
    knows_change: ClassVar[bool] = False
    #: The class of `preprocess`.
    preprocess_type: ClassVar[type[Preprocess]] = Preprocess
    #: The directions in which the model translates.  Each is measured by itself; a single direction may have no name.
    directions: tuple[str, ...] = ("",)

    if TYPE_CHECKING:
        hparams: Any  # the constructor's arguments, which are its attributes
        dtype: torch.dtype  # Lightning types it as a string too

    def __init__(self) -> None:
        super().__init__()
        #: How pictures became the tensors that this model was trained on.  Checkpoints keep it.
        self.preprocess: Preprocess = self.preprocess_type()

    def bfloat16(self) -> Self:
        """See `torch.nn.Module.bfloat16`; a module of Lightning learns its dtype from `to`, but not from that."""
        return self.to(torch.bfloat16)

    # What may be chosen.

    @property
    def only_size(self) -> Sequence[int] | None:
        """The only height and width that the networks take, if they are made for one size."""
        return None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What a person may choose for this model beside the source."""
        return ()

    @property
    def sampling_conditions(self) -> tuple[Condition, ...]:
        """What a person may choose for `sample`; by default nothing if the verb of the model is translate."""
        return self.conditions if self.verb == "sample" else ()

    def translator(self, **conditions: Any) -> Translator:
        """This model with its conditions chosen.

        Raises `ZooError` for a condition that the model does not have, for a value out of range, and for a model that
        makes pictures from noise.
        """
        return self.make_translator(**self.checked(conditions))

    # Subclasses name the conditions that they take: (*args: Any, **kwargs: Any) permits any parameters.

    def make_translator(self, *args: Any, **kwargs: Any) -> Translator:
        """The translator with these conditions, which have been checked."""
        raise NotImplementedError

    def sampler(self, **conditions: Any) -> Sampler:
        """This model with its conditions chosen, if it makes pictures from noise; raises as `translator`."""
        return self.make_sampler(**check_conditions(type(self).__name__, self.sampling_conditions, conditions))

    def make_sampler(self, *args: Any, **kwargs: Any) -> Sampler:
        """The sampler with these conditions, which have been checked."""
        raise ZooError(f"This {type(self).__name__} translates: use translate(picture), not sample.")

    def checked(self, conditions: Mapping[str, Any]) -> dict[str, Any]:
        """The conditions of a translation that are not None, after `check_conditions`.

        Raises `ZooError` too if the model does not translate.
        """
        if self.verb != "translate":
            raise ZooError(f"This {type(self).__name__} makes pictures from noise: use sample(count), not translate.")
        return check_conditions(type(self).__name__, self.conditions, conditions)

    # What a person calls.

    def translate(self, source: Picture | Sequence[Picture], *required: Any, **conditions: Any) -> Any:
        """Translate pictures.

        A result has the size of its source.  A model that was trained at one size works at that size, and its result is
        scaled back.  Other models work at the size of the source.  A tensor is never scaled.

        Args:
            source: One source or a list: a path, a PIL image, an array (H, W) or (H, W, C) of uint8, uint16 or floats
                in [0, 1], or a tensor (C, H, W) or (B, C, H, W) of floats in [-1, 1]; label maps hold ids instead.
                A path may be that of a video or an animation.  All its frames must fit into memory;
                ``i2i-zoo translate`` writes them as they come, with rate and sound.
            *required: The required conditions in their order; they may also be passed by name.
            **conditions: Other conditions; the property `conditions` lists what this model takes.

        Returns:
            A PIL image for each picture, a tensor in [-1, 1] for each tensor, a list of PIL images, its frames, for
            each video; a list for a list.

        Raises:
            ZooError: If a source or a condition cannot be read or does not fit the model, or if the network would take
                more memory than is free.
        """
        names = [condition.name for condition in self.conditions if condition.required]
        if len(required) > len(names):
            known = f", all but {', '.join(names)}" if names else ""
            raise ZooError(f"{len(required)} conditions were passed without their names: name them{known}.")
        conditions |= dict(zip(names, required, strict=False))
        chosen = self.checked(conditions)
        need(type(self).__name__, self.conditions, chosen)
        own = {c.name: chosen.pop(c.name) for c in self.conditions if c.per_source and c.name in chosen}
        with torch.inference_mode():
            return translate_sources(self.make_translator(**chosen), source, own)

    def sample(self, count: int, *, seed: int | None = None, **conditions: Any) -> list[Any]:
        """Make pictures, or clips, from noise.

        Args:
            count: How many.
            seed: The same seed gives the same ones.  By default a new seed each time.
            **conditions: The property `sampling_conditions` lists what this model takes.

        Returns:
            A PIL image for each picture; for each clip, a list of PIL images, its frames.

        Raises:
            ZooError: If the model does not make pictures from noise, or a value is out of range.
        """
        return self.sampler(**conditions).sample(count, seed)

    # What shared code asks.

    @property
    def takes_frames(self) -> bool:
        """Whether a test may have clips of label maps, whose frames are translated one by one (`tasks.frames`)."""
        return False

    def pictures_of(self, frames: dict[str, Any]) -> dict[str, Any]:
        """A batch for this model, made of the frames of clips."""
        return frames

    @property
    def predict_keys(self) -> tuple[str, ...]:
        """The keys of a batch that ``predict_step`` needs."""
        return self.batch_keys[:1]

    @property
    def main_network(self) -> Any:
        """The network whose ``stride`` and ``smallest`` say which heights and widths ``forward`` takes."""
        raise NotImplementedError

    @abstractmethod
    def example_batch(self, batch: int, height: int, width: int) -> dict[str, Tensor]:
        """A training batch of noise with the right shapes, for tests and benchmarks."""

    @abstractmethod
    def measured(self, outputs: Mapping[str, Any], direction: str = "") -> Mapping[str, Any]:
        """The values that metrics compare: ``output``, ``target``, ``label``, a loss ...

        ``outputs`` is what the validation step returned.  Pictures are batches (B, 1 or 3, H, W), and clips
        (B, T, 1 or 3, H, W), in [-1, 1].
        """

    @abstractmethod
    def panels(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Pictures to look at side by side: batches (B, 1 or 3, H, W) in [-1, 1]."""

    def change(self, outputs: Mapping[str, Any]) -> Tensor:
        """How much each source (B,) has to change to become its target; of use only to order samples by it."""
        raise NotImplementedError

    def clips(self, outputs: Mapping[str, Any]) -> list[Tensor]:
        """Clips to look at side by side: batches (B, T, 1 or 3, H, W) in [-1, 1]; none if the model makes pictures."""
        return []

    @abstractmethod
    def predictions(self, outputs: Any, batch: Mapping[str, Any]) -> Iterable[Prediction]:
        """The pictures that ``predict_step`` made from a batch, with the names of their sources."""

    def graph(self, **conditions: Any) -> Graph:
        """What `export` writes.  Raises `ZooError` with the reason if the model has no graph."""
        raise ZooError(f"A {type(self).__name__} cannot be exported yet.")

    def metrics_for(self, direction: str = "") -> tuple[str, ...]:
        """The metrics to use for a direction by default."""
        return self.default_metrics

    def preprocess_for(self, direction: str = "") -> Preprocess:
        """The `preprocess` of one direction, whose source is the model's input."""
        return self.preprocess

    @staticmethod
    def title(direction: str) -> str:
        """The name of a direction for people: "A to B"."""
        return " to ".join(direction.upper())
