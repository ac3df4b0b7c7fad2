"""Load and save checkpoints, start training from them, and publish them on the Hub."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import huggingface_hub
import torch

from i2i_zoo import __version__, registry
from i2i_zoo.annotations import checked_arguments
from i2i_zoo.convert import convert
from i2i_zoo.convert.build import (
    build_method,
    check_hparams,
    differing_hparams,
    discriminators_of,
    network_tensors,
)
from i2i_zoo.devices import find_device
from i2i_zoo.errors import ZooError
from i2i_zoo.methods.base import Method
from i2i_zoo.store.card import Card, addressed, card_path, card_text, movable, own_card
from i2i_zoo.store.format import CARD, CONFIG, DISCRIMINATORS, WEIGHTS, Config, read_config, write_checkpoint
from i2i_zoo.store.runs import result_of
from i2i_zoo.store.sources import Files, hub_failures, locate, needed, official_files, official_folder
from i2i_zoo.store.tensors import fitting, is_lightning, read_lightning, read_pickle, read_safetensors
from i2i_zoo.tasks.conditions import shown


@checked_arguments
def load(
    name: str | os.PathLike[str],
    *,
    discriminators: bool = False,
    revision: str | None = None,
    device: str | torch.device | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    strict: bool = True,
    **overrides: Any,
) -> Method:
    """The method with the weights of a checkpoint, in eval mode and float32, ready for `translate` or fine-tuning.

    Args:
        name: A name of `list_models`; ``hf:org/repo`` or ``hf:org/repo@revision``; or a directory of `save`.
        discriminators: Whether to load the discriminators too.
        revision: Branch, tag or commit on the Hub, instead of that of the name or the registry.
        device: Where to put the model; by default the CPU.
        cache_dir: Where to keep downloads, instead of the Hub's cache and of ``$I2I_ZOO_CACHE``.
        token: Token for the Hub; by default that of ``hf auth login``.
        local_files_only: Do not use the network.
        strict: Whether a missing or unknown tensor is an error.  If not, missing tensors keep their initial values.
        **overrides: Hyper-parameters that replace those of the checkpoint, such as ``inference_dropout=True``.

    Raises:
        ZooError: If there is no such checkpoint, or it cannot be fetched, is damaged or does not fit the method; if the
            device cannot be used.
    """
    device = torch.device("cpu") if device is None else find_device(device)
    files = _files(name, revision, cache_dir, token, local_files_only)
    config = read_config(needed(files, CONFIG, name))
    cls = registry.method_class(config.method)
    # The registry has what the tensors of an official checkpoint do not show, also for files imported by hand.
    entry = registry.ENTRIES.get(os.fspath(name))
    recorded = config.preprocess or (entry.preprocess if entry else {})
    preprocess = cls.preprocess_type.from_json(recorded, f"{name}/{CONFIG}")
    check_hparams(cls, overrides)
    tensors = read_safetensors(needed(files, WEIGHTS, name))
    if discriminators and cls.discriminator_networks:
        tensors |= read_safetensors(needed(files, DISCRIMINATORS, name))
    hparams = {**config.hparams, **(entry.hparams if entry else {})}

    def build(**changed: Any) -> Method:
        return build_method(
            cls, {**hparams, **changed}, tensors, str(name), discriminators=discriminators, strict=strict
        )

    try:
        model = build(**overrides)
    except ZooError as error:
        if overrides and (differing := differing_hparams(build(), overrides)):
            values = ", ".join(f"{key}={value!r}" for key, value in differing.items())
            raise ZooError(f"{name} was trained with another architecture than {values}: leave that out.") from error
        raise
    model.preprocess = preprocess
    model.checkpoint = entry.name if entry and not overrides else ""
    return model.to(device)


def init_from(model: Method, name: str | os.PathLike[str], **download: Any) -> None:
    """Give a model the weights of a checkpoint to fine-tune, and those of the discriminators if both have them.

    Args:
        model: A method after `configure_model`, with the checkpoint's architecture.
        name: As for `load`; also a ``.ckpt`` of `fit`, or the folder of a run.
        **download: ``revision``, ``cache_dir``, ``token`` and ``local_files_only`` as for `load`.

    Raises:
        ZooError: As `load`; also if the architectures differ: it names the hyper-parameters.  The model is then
            unchanged.
    """
    _check_model(model)
    _check_path(name, "the name of a checkpoint")
    networks = (*model.inference_networks, *discriminators_of(model))
    source = result_of(Path(name)) if os.path.isdir(name) else Path(name)
    if os.path.isfile(source):
        content = read_pickle(source)
        if not is_lightning(content):
            raise ZooError(f"{name} is not a checkpoint of fit: convert it first, with i2i-zoo convert.")
        hparams, _, tensors = read_lightning(content, str(source))
        tensors = {key: tensor for key, tensor in tensors.items() if key.partition(".")[0] in networks}
    else:
        files = _files(name, **download)
        hparams, tensors = {}, read_safetensors(needed(files, WEIGHTS, name))
        if config := files(CONFIG):
            hparams = read_config(config).hparams
        if discriminators_of(model) and (path := files(DISCRIMINATORS)):
            tensors |= read_safetensors(path)
    found = {key.partition(".")[0] for key in tensors}
    networks = tuple(n for n in networks if n in model.inference_networks or n in found)
    try:
        initial = fitting(network_tensors(model, networks), model.initial_tensors(tensors), str(name))
    except ZooError as error:
        if differing := differing_hparams(model, hparams):
            options = [f"--model.{key} {v if isinstance(v, str) else json.dumps(v)}" for key, v in differing.items()]
            raise ZooError(f"{name} has another architecture than the model: use {' '.join(options)}.") from error
        raise
    model.load_state_dict(initial, strict=False)


def _check_model(value: Any) -> None:
    """Raise `ZooError` for a value that is not a model of the zoo."""
    if not isinstance(value, Method):
        raise ZooError(
            f"{shown(value)} is not a model of the zoo: give one of load, convert or a method's constructor."
        )


def _check_path(value: Any, what: str) -> None:
    """Raise `ZooError` for a value that is neither text nor a path."""
    if not isinstance(value, (str, os.PathLike)) or value == "":
        raise ZooError(f"{shown(value)} is not {what}: give one as text, or the path of a folder.")


def _files(
    name: str | os.PathLike[str],
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
) -> Files:
    """The files of a checkpoint.  An official one is first fetched and converted, unless it is in the cache.

    Raises `ZooError` if this fails; then nothing stays in the cache.
    """
    _check_path(name, "the name of a checkpoint")
    files = locate(name, revision, cache_dir, token, local_files_only)
    entry = registry.ENTRIES.get(os.fspath(name))
    if entry and entry.weights == "official" and files(CONFIG) is None:
        directory = official_folder(entry, cache_dir)
        with official_files(entry, directory, local_files_only=local_files_only) as originals:
            try:
                model = convert(entry.method, originals, **entry.hparams)
            except ZooError as error:
                raise ZooError(
                    f"What {', '.join(entry.official.values())} served is not a checkpoint: {error}"
                ) from error
        model.preprocess = model.preprocess_type.from_json(entry.preprocess, entry.name)
        model.checkpoint = entry.name
        save(model, directory)
    return files


@checked_arguments
def save(model: Method, directory: str | os.PathLike[str], *, half: bool = False) -> None:
    """Write the files of a checkpoint.

    They are config.json, model.safetensors, discriminators.safetensors if the model has discriminators, and README.md
    with its pictures if there is none yet.  They appear when all are complete, and replace a checkpoint of the zoo but
    no other files.

    Args:
        model: A method.
        directory: Where to write; it is made if it is missing.
        half: Whether to store half precision; `load` returns float32 again.

    Raises:
        ZooError: If it cannot be written, or if there are files of these names that are not of a checkpoint.
    """
    _check_model(model)
    _check_path(directory, "a folder")
    _write(model, Path(directory), _card(model), half)


def _write(model: Method, directory: Path, card: Card | None, half: bool = False) -> None:
    hparams = {key: value for key, value in model.hparams.items() if not key.startswith("_")}
    write_checkpoint(
        directory,
        Config(registry.method_name(type(model)), hparams, model.preprocess.to_json()),
        network_tensors(model, model.inference_networks),
        network_tensors(model, discriminators_of(model)),
        card,
        half=half,
    )


def _card(model: Method, repo: str = "", given: str | os.PathLike[str] | None = None) -> Card:
    """The given card, that of the zoo's checkpoint that a model is, or a new one; it names the repository, if any."""
    method, both_ways, folder = registry.method_name(type(model)), len(model.directions) > 1, Path()
    # What each source has for itself is shown though it may be left out: it is only guessed then.
    needed = {condition.name for condition in model.conditions if condition.required or condition.per_source}
    left_out = [name for name in registry.METHODS[method].use.conditions if name not in needed]
    if isinstance(given, os.PathLike):
        folder = Path(given).parent
        try:
            text = Path(given).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ZooError(f"{os.fspath(given)}: the card cannot be read ({error}).") from None
    elif given is not None:
        text = given
    elif model.checkpoint:
        entry = registry.ENTRIES[model.checkpoint]
        text, folder = card_text(entry), card_path(entry).parent
    else:
        text = own_card(method, both_ways, left_out)
    return movable(addressed(text, repo, method, both_ways, left_out) if repo else text, folder)


@checked_arguments
def push(
    model: Method,
    repo_id: str,
    *,
    private: bool | None = None,
    create_pr: bool = False,
    revision: str | None = None,
    token: str | bool | None = None,
    commit_message: str = "Upload checkpoint",
    card: str | os.PathLike[str] | None = None,
) -> str:
    """Publish a checkpoint on the Hub.  A missing repository is made; an existing README.md stays.

    The card's lines of code name the repository, and the pictures that it shows travel with it.

    Args:
        model: A method.
        repo_id: ``org/name``.
        private: Whether a new repository is private; by default as the organisation has set.
        create_pr: Whether to open a pull request instead of committing.
        revision: The branch to commit to.
        token: Token for the Hub; by default that of ``hf auth login``.
        commit_message: First line of the commit message.
        card: Text of the README.md, or as a `pathlib.Path` the file with it, from whose folder it names its pictures.
            By default it is the card of the zoo's checkpoint that was loaded; for another model it says how to use it.

    Returns:
        The address of the commit or of the pull request.

    Raises:
        ZooError: If the Hub cannot be reached or refuses; if the card shows a picture that is not there.
    """
    _check_model(model)
    whole = _card(model, repo_id, card)
    api = huggingface_hub.HfApi(token=token, library_name="i2i_zoo", library_version=__version__)
    with TemporaryDirectory() as folder, hub_failures(repo_id, revision):
        checkpoint = Path(folder, "checkpoint")
        api.create_repo(repo_id, private=private, exist_ok=True)
        _write(model, checkpoint, None if api.file_exists(repo_id, CARD, revision=revision) else whole)
        commit = api.upload_folder(
            repo_id=repo_id,
            folder_path=checkpoint,
            revision=revision,
            create_pr=create_pr,
            commit_message=commit_message,
        )
    return str(commit.pr_url or commit.commit_url)
