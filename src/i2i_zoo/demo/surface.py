"""What visitors work on in a tab: the contract between the tabs' left sides and `Bench`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from PIL import Image

from .offers import Activity, Offer
from .shelf import Shelf


class Made(NamedTuple):
    """What a model made."""

    #: A picture or the frames of a clip; several of them.
    after: Sequence[Image.Image | Sequence[Image.Image]]
    #: The picture that it was made of, for the slider between both.
    before: Image.Image | str | None = None


class Surface(ABC):
    """The left side of a tab.

    Args:
        activity: The tab.
        shelf: Where files go.
    """

    #: Whether results are many at a time.
    many: ClassVar[bool] = False

    def __init__(self, activity: Activity, shelf: Shelf) -> None:
        self.activity, self.shelf = activity, shelf
        #: The components whose values `make` gets, and these values to begin with.
        self.parts: list[Any] = []
        self.start: list[Any] = []
        #: The input of a picture, if it may be scaled down.
        self.picture: Any = None

    @abstractmethod
    def show(self, number: Any, handle: Callable[..., Any]) -> None:
        """Add the components to the open `gradio.Blocks`, and fill `start` and, but for those of `show_more`, `parts`.

        Args:
            number: The component that holds the number of the chosen offer.
            handle: Called as ``handle(event, work, inputs, outputs)``: on the event, the outputs become what the work
                returns, and what goes wrong becomes a sentence on the page.  With ``picked=True`` the work gets the
                place in the gallery that was clicked.
        """

    def show_more(self, handle: Callable[..., Any]) -> None:
        """Add what is less often needed, which stands below the result; arguments as of `show`.  By default nothing."""
        return

    @abstractmethod
    def make(self, offer: Offer, values: Sequence[Any], conditions: Mapping[str, Any]) -> Made:
        """The result for the values of `parts` and the chosen conditions.  Raises `ZooError` if there can be none."""

    def when_chosen(self, offer: Offer, values: Sequence[Any]) -> Sequence[Any] | None:
        """The values of `parts` after an offer was chosen, if that changes them."""
        return None
