"""The page of ``i2i-zoo demo``: what it says at the top, its tabs, and how it is served."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware

from i2i_zoo import hub
from i2i_zoo.devices import find_device
from i2i_zoo.errors import ZooError
from i2i_zoo.registry import list_models

from .bench import Bench
from .inputs import import_gradio
from .limits import UPLOAD, WAITING, Doorkeeper, keep_to_deadline
from .offers import Offer, activities, by_speed, offers_of
from .shelf import Shelf, size_of

TITLE = "i2i-zoo: pictures out of pictures"
SENTENCE = "Paint, draw or drag, and watch small neural networks turn it into pictures."

#: The machine that the page listens on by default: only this one.
HOST = "127.0.0.1"

#: Seconds after which Gradio deletes what visitors uploaded and got, and how often it looks.
LIFE, LOOK = 3600, 600

#: Visits whose galleries are remembered.
VISITS = 200


def serve(names: Sequence[str] = (), port: int | None = None, share: bool = False, host: str = HOST) -> None:
    """Serve the page until it is interrupted.

    Args:
        names: See `build`.
        port: Port to listen on; by default the first free one from 7860 on.
        share: Whether to make the page public through Gradio's servers.
        host: Name or address of this machine to listen on: by default only it can see the page; 0.0.0.0 for all.

    Raises:
        ZooError: As `build`; also if the page cannot listen there.
    """
    launch(build(names), host, port, share=share)


def launch(page: Any, host: str = HOST, port: int | None = None, **options: Any) -> str:
    """Serve a page and return its address.

    Args:
        page: What `build` made.
        host: See `serve`.
        port: See `serve`.
        **options: Further ones of `gradio.Blocks.launch`, such as ``prevent_thread_lock``.

    Raises:
        ZooError: If the page cannot listen there.
    """
    gradio = import_gradio()
    # Fonts of the system: none are downloaded.
    theme = gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    # In the head: Gradio would make rules of its own parameter for style sheets count for inner parts of the page only.
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    page.queue(max_size=WAITING, api_open=False)
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            theme=theme,
            head=f"<style>{style}</style>",
            footer_links=[],
            ssr_mode=False,
            max_file_size=UPLOAD,
            state_session_capacity=VISITS,
            app_kwargs={"middleware": [Middleware(Doorkeeper, kept=lambda: kept_bytes(page))]},
            **options,
        )
    except OSError as error:
        raise ZooError(f"The page cannot be served ({error}); choose another --port or --host.") from None
    return str(address)


def kept_bytes(page: Any) -> int:
    """Bytes of the files that Gradio keeps for the visitors of a page."""
    return size_of({Path(file) for files in page.temp_file_sets for file in list(files)})


def build(names: Sequence[str] = ()) -> Any:
    """The page (`gradio.Blocks`): a tab for each thing that one can do, and in it the checkpoints that do it.

    Every tab begins with an example and its result.  A picture follows what a visitor paints, drags or chooses.

    Args:
        names: Names for `i2i_zoo.load`; by default all bundled checkpoints.

    Raises:
        ZooError: If Gradio is not installed, or a checkpoint cannot be loaded.
    """
    gradio, offers = import_gradio(), loaded(names) if names else by_speed(loaded(list_models(bundled=True)))
    shelf = Shelf()
    with gradio.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(LOOK, LIFE)) as page:
        gradio.HTML(f"<h1>{html.escape(TITLE)}</h1><p>{html.escape(SENTENCE)}</p>", elem_classes="head")
        for activity in activities(offers):
            with gradio.Tab(activity.title):
                Bench(activity, shelf).show()
    return page


def loaded(names: Sequence[str]) -> list[Offer]:
    """What these checkpoints can do.  Raises `ZooError` if one of them cannot be loaded."""
    offers = []
    for name in dict.fromkeys(names):
        model = hub.load(name, device=find_device())
        keep_to_deadline(model)
        offers += offers_of(name, model)
    return offers
