"""Checkpoints: a name to files, files to a method, a method to files, and files to the Hub."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import stat
import sys
import tarfile
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any
from urllib.parse import urlsplit

import huggingface_hub
import torch
from huggingface_hub import constants
from huggingface_hub import errors as hub_errors
from huggingface_hub.utils import httpx
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as pack
from torch import Tensor
from tqdm import tqdm

from i2i_zoo import __version__, registry
from i2i_zoo.convert import convert
from i2i_zoo.convert.build import build_method, check_hparams, discriminators_of, fitting, network_tensors
from i2i_zoo.errors import ZooError
from i2i_zoo.registry import Entry

CONFIG, WEIGHTS, DISCRIMINATORS, CARD = "config.json", "model.safetensors", "discriminators.safetensors", "README.md"

#: A file or folder of Google Drive: which of the two, its id, and which file of that archive or folder is meant.
DRIVE = re.compile(r"https://drive\.google\.com/(uc\?id=|drive/folders/)([\w-]+)(?:#(.*))?")

#: What the standard library raises for an archive that is broken, encrypted, or packed in an unknown way.
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)

#: The path of a checkpoint's file by its name; None if the checkpoint has no such file.
Files = Callable[[str], Path | None]


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
) -> Any:
    """The method with the weights of a checkpoint, in eval mode and float32, ready for `translate` or fine-tuning.

    Args:
        name: A name of `list_models`; ``hf:org/repo`` or ``hf:org/repo@revision``; or a directory of `save`.
        discriminators: Load the discriminators too.
        revision: Branch, tag or commit on the Hub, in place of the one that the name or the registry gives.
        device: Where to put it; by default the CPU.
        cache_dir: Where to keep downloads, in place of the Hub's cache and of ``$I2I_ZOO_CACHE``.
        token: Token for the Hub; by default the one that ``hf auth login`` stored.
        local_files_only: Do not use the network.
        strict: Whether a missing or unknown tensor is an error.  If not, what is missing keeps its initialisation.
        **overrides: Hyper-parameters that replace those of the checkpoint, such as ``inference_dropout=True``.

    Raises:
        ZooError: If there is no such checkpoint, it cannot be fetched, is damaged, or does not fit the method.
    """
    files = _locate(name, revision, cache_dir, token, local_files_only)
    config = _read_config(_needed(files, CONFIG, name))
    cls = registry.method_class(config["method"])
    cls.check_preprocess(config["preprocess"], f"{name}/{CONFIG}")
    check_hparams(cls, overrides)
    tensors = _read_tensors(_needed(files, WEIGHTS, name))
    if discriminators and cls.discriminator_networks:
        tensors |= _read_tensors(_needed(files, DISCRIMINATORS, name))
    # A file that was imported by hand (see `_fetch_drive`) does not tell all; then the registry does.
    entry = registry.ENTRIES.get(os.fspath(name))
    hparams = {**config["hparams"], **(entry.hparams if entry else {}), **overrides}
    model = build_method(cls, hparams, tensors, str(name), discriminators=discriminators, strict=strict)
    model.preprocess = config["preprocess"] or (dict(entry.preprocess) if entry else {})
    return model if device is None else model.to(device)


def init_from(model: Any, name: str | os.PathLike[str], **options: Any) -> None:
    """Give a model the weights of a checkpoint to fine-tune: its networks, and its discriminators where both have them.

    Args:
        model: A method after `configure_model`, of the checkpoint's architecture.
        name: As of `load`.
        **options: ``revision``, ``cache_dir``, ``token`` and ``local_files_only`` of `load`.

    Raises:
        ZooError: As `load`; and if the checkpoint is of another architecture. Then the model is as it was.
    """
    files = _locate(name, **options)
    tensors = _read_tensors(_needed(files, WEIGHTS, name))
    networks = model.inference_networks
    if (discriminators := discriminators_of(model)) and (path := files(DISCRIMINATORS)):
        tensors |= _read_tensors(path)
        networks = (*networks, *discriminators)
    tensors = model.initial_tensors(tensors)
    model.load_state_dict(fitting(network_tensors(model, networks), tensors, str(name)), strict=False)


def save(model: Any, directory: str | os.PathLike[str], *, half: bool = False) -> None:
    """Write the files of a checkpoint.

    They are config.json, model.safetensors, discriminators.safetensors if the model has discriminators, and README.md
    if there is none yet; written beside the directory, and moved into place when all are whole.

    Args:
        model: A method.
        directory: Where to; made if there is none.
        half: Store in half precision; `load` gives float32 again.

    Raises:
        ZooError: If it cannot be written.
    """
    from i2i_zoo.cards import default_card

    directory = Path(directory).resolve()
    config = {
        "method": registry.method_name(type(model)),
        "hparams": {key: value for key, value in model.hparams.items() if not key.startswith("_")},
        "preprocess": model.preprocess,
        "i2i_zoo": __version__,
    }
    temporary = directory.with_name(f".{directory.name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        (temporary / WEIGHTS).write_bytes(_packed(model, model.inference_networks, half))
        if discriminators := discriminators_of(model):
            (temporary / DISCRIMINATORS).write_bytes(_packed(model, discriminators, half))
        if not (directory / CARD).exists():
            (temporary / CARD).write_text(default_card(model), encoding="utf-8")
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        _replace(temporary, directory)
    except (OSError, SafetensorError) as error:
        raise ZooError(f"Cannot write the checkpoint {directory} ({error}); choose another place.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _packed(model: Any, networks: Iterable[str], half: bool) -> bytes:
    """The tensors of these networks in the safetensors format."""

    def stored(tensor: Tensor) -> Tensor:
        if half and tensor.is_floating_point():
            halved = tensor.half()
            # A running variance may be beyond the range of half precision; it stays as it is.
            tensor = halved if halved.isfinite().all() else tensor
        return tensor.detach().cpu().contiguous()

    # Not `save_file`, whose files only their owner may read.
    return pack({name: stored(tensor) for name, tensor in network_tensors(model, networks).items()})


def _replace(temporary: Path, directory: Path) -> None:
    """Move a whole checkpoint into place: at once if the directory is new, else file by file."""
    try:
        os.replace(temporary, directory)
    except OSError:
        # config.json leaves first and comes last: without it a directory is no checkpoint, so a kill in between never
        # passes old and new parts off as one; and renaming is quick.
        (temporary / "old").mkdir()
        for file in (CONFIG, WEIGHTS, DISCRIMINATORS):
            if (directory / file).exists():
                os.replace(directory / file, temporary / "old" / file)
        for file in (WEIGHTS, DISCRIMINATORS, CARD, CONFIG):
            if (temporary / file).exists():
                os.replace(temporary / file, directory / file)


def push(
    model: Any,
    repo_id: str,
    *,
    private: bool | None = None,
    create_pr: bool = False,
    revision: str | None = None,
    token: str | bool | None = None,
    commit_message: str = "Upload checkpoint",
    card: str | None = None,
) -> str:
    """Publish a checkpoint on the Hub, making the repository if there is none.  A README.md that is there stays.

    Args:
        model: A method.
        repo_id: ``org/name``.
        private: Whether a new repository is private; by default as the organisation has set.
        create_pr: Open a pull request in place of a commit.
        revision: The branch to commit to.
        token: Token for the Hub; by default the one that ``hf auth login`` stored.
        commit_message: The commit's first line.
        card: Text of the README.md; by default one that tells how to load the checkpoint.

    Returns:
        Address of the commit or the pull request.

    Raises:
        ZooError: If the Hub cannot be reached or refuses.
    """
    api = huggingface_hub.HfApi(token=token, library_name="i2i_zoo", library_version=__version__)
    with TemporaryDirectory() as folder, _hub_errors(repo_id, revision):
        checkpoint = Path(folder, "checkpoint")
        save(model, checkpoint)
        if card is not None:
            (checkpoint / CARD).write_text(card, encoding="utf-8")
        api.create_repo(repo_id, private=private, exist_ok=True)
        if api.file_exists(repo_id, CARD, revision=revision):
            (checkpoint / CARD).unlink()
        commit = api.upload_folder(
            repo_id=repo_id,
            folder_path=checkpoint,
            revision=revision,
            create_pr=create_pr,
            commit_message=commit_message,
        )
    return str(commit.pr_url or commit.commit_url)


def _locate(
    name: str | os.PathLike[str],
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
) -> Files:
    """The files of the checkpoint called ``name`` (see `load`)."""
    name = os.fspath(name)
    entry = registry.ENTRIES.get(name)
    if name.startswith("hf:") or (entry and entry.weights == "hub"):
        repo, _, pinned = (entry.repo, "", entry.revision) if entry else name.removeprefix("hf:").partition("@")
        files = _hub_files(repo, revision or pinned or None, cache_dir, token, local_files_only)
        return _verified(files, entry) if entry and revision in (None, pinned) else files
    if entry is None and not os.path.isdir(name):
        raise ZooError(
            f"{name!r} is neither a checkpoint of the zoo (the closest are {registry.suggest(name)}), nor a directory, "
            "nor hf:org/repo."
        )
    if revision is not None:
        raise ZooError(f"{name} has no revisions, since it is not on the Hub: drop revision={revision!r}.")
    if entry is None:
        return _directory_files(Path(name))
    if entry.weights == "bundled":
        return _verified(_directory_files(Path(__file__).parent / "checkpoints" / name), entry)
    return _directory_files(fetch_official(entry, cache_dir=cache_dir, local_files_only=local_files_only))


def _directory_files(directory: Path) -> Files:
    return lambda file: directory / file if (directory / file).is_file() else None


def _hub_files(
    repo: str,
    revision: str | None,
    cache_dir: str | os.PathLike[str] | None,
    token: str | bool | None,
    local_files_only: bool,
) -> Files:
    def files(file: str) -> Path | None:
        with _hub_errors(repo, revision):
            try:
                path = huggingface_hub.hf_hub_download(
                    repo,
                    file,
                    revision=revision,
                    cache_dir=None if cache_dir is None else Path(cache_dir),
                    token=token,
                    local_files_only=local_files_only,
                    library_name="i2i_zoo",
                    library_version=__version__,
                )
            except hub_errors.RemoteEntryNotFoundError:
                return None
        return Path(path)

    return files


def _verified(files: Files, entry: Entry) -> Files:
    def verified(file: str) -> Path | None:
        path = files(file)
        if path and file in entry.sha256:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest != entry.sha256[file]:
                raise ZooError(f"{path} is not the file of {entry.name}: its sha256 differs; delete it and try again.")
        return path

    return verified


@contextmanager
def _hub_errors(repo: str, revision: str | None) -> Iterator[None]:
    """Whatever the Hub's client raises, as one sentence."""
    try:
        yield
    except hub_errors.GatedRepoError as error:
        why = f"its owner grants access on request, at {constants.ENDPOINT}/{repo}; then log in"
        raise ZooError(f"hf:{repo} is gated: {why} with `hf auth login` or pass token=.") from error
    except hub_errors.RepositoryNotFoundError as error:
        raise ZooError(
            f"The Hub has no repository {repo}, or it is private: check the name; for a private one log in with "
            "`hf auth login` or pass token=."
        ) from error
    except hub_errors.RevisionNotFoundError as error:
        raise ZooError(f"hf:{repo} has no revision {revision}.") from error
    except (hub_errors.LocalEntryNotFoundError, hub_errors.OfflineModeIsEnabled) as error:
        raise ZooError(
            f"hf:{repo} is not in the cache, and the Hub cannot be reached: check the network, HF_HUB_OFFLINE and "
            "local_files_only."
        ) from error
    except hub_errors.HFValidationError as error:
        raise ZooError(f"{repo!r} is no repository of the Hub, which are called org/name.") from error
    except (httpx.HTTPError, OSError) as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise ZooError(f"hf:{repo}: the Hub failed: {first_line}.") from error


def fetch_official(
    entry: Entry, *, cache_dir: str | os.PathLike[str] | None = None, local_files_only: bool = False
) -> Path:
    """The directory of an official checkpoint, fetched from its authors and converted if it is not in the cache.

    Raises `ZooError` if that fails; then nothing stays in the cache.
    """
    cache = Path(cache_dir or os.environ.get("I2I_ZOO_CACHE") or "~/.cache/i2i_zoo").expanduser()
    directory = cache / entry.name
    if (directory / CONFIG).exists():
        return directory
    if local_files_only or constants.HF_HUB_OFFLINE:
        raise ZooError(f"{entry.name} is not in the cache {cache}: load it once with the network allowed.")
    print(f"{entry.name}: {entry.license_notice}", file=sys.stderr)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        temporary = TemporaryDirectory(prefix=f".{entry.name}.", dir=cache)
    except OSError as error:
        raise ZooError(f"{cache}: the cache cannot be written ({error.strerror}); set I2I_ZOO_CACHE.") from error
    with temporary as folder:
        files = {network: _fetch(entry, url, directory, Path(folder)) for network, url in entry.official.items()}
        try:
            model = convert(entry.method, files, **entry.hparams)
        except ZooError as error:
            raise ZooError(f"What {', '.join(entry.official.values())} served is no checkpoint: {error}") from error
    model.preprocess = dict(entry.preprocess)
    save(model, directory)
    return directory


def _fetch(entry: Entry, url: str, directory: Path, folder: Path) -> Path:
    """The authors' file at ``url``, in ``folder``; ``directory`` is where the checkpoint will be."""
    if drive := DRIVE.fullmatch(url):
        return _fetch_drive(entry, drive[1], drive[2], drive[3], directory, folder)
    address, _, member = url.partition("#")
    path = _download(address, folder)
    try:
        return _unpack(path, member) if member else path
    except (*_BROKEN, OSError) as error:
        raise ZooError(f"{url} could not be unpacked ({error}); check the disk, or try again later.") from error


def _fetch_drive(entry: Entry, kind: str, identity: str, member: str | None, directory: Path, folder: Path) -> Path:
    """A file of Google Drive, or the ``member`` of an archive or of a folder there, in ``folder``.

    Raises `ZooError` if `gdown` is not installed, Drive refuses, as it does when a file was asked for too often, or
    nobody has told which member it is; it says how to import the file by hand, to ``directory``, where `load` finds it
    under the entry's name.
    """
    path, remedy = folder / identity, "try again later, or " if member != "" else ""
    try:
        if member == "":
            raise LookupError("nobody has told which file of the archive it is")
        import gdown

        if kind == "drive/folders/":
            gdown.download_folder(id=identity, output=str(path))
            if not (path / str(member)).is_file():
                raise LookupError(f"the folder has no file {member}")
            return path / str(member)
        gdown.download(id=identity, output=str(path))
        return _unpack(path, member) if member else path
    except ImportError:
        why, remedy = "gdown is not installed", 'pip install "i2i-zoo[drive]" and try again, or '
    except Exception as error:  # gdown's own, those of requests, those of a damaged archive
        why = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".:")
    file = member or "FILE"
    command = f"i2i-zoo convert {entry.method} {file} -o {shlex.quote(str(directory))}"
    raise ZooError(
        f"{entry.name} could not be fetched from Google Drive ({why}): {remedy}get {file} out of "
        f"https://drive.google.com/open?id={identity} with a browser, run `{command}` and load {entry.name} again."
    )


def _unpack(archive: Path, member: str) -> Path:
    """The plain file of a tar or zip archive whose path ends with ``member``, written beside it; no other is unpacked.

    Raises `shutil.ReadError` if there is none: a link is none, nor is what has ``..`` in its path; one of `_BROKEN` if
    the archive is broken.
    """
    wanted, path = PurePosixPath(member).parts, archive.with_name(f"{archive.name}.unpacked")

    def copied(name: str, plain: bool, content: Callable[[], IO[bytes] | None]) -> bool:
        parts = PurePosixPath(name).parts
        if parts[-len(wanted) :] != wanted or ".." in parts or not plain:
            return False
        with content() as source, path.open("wb") as file:  # type: ignore[union-attr]
            shutil.copyfileobj(source, file)
        return True

    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            if any(copied(info.name, info.isreg(), partial(tar.extractfile, info)) for info in tar):
                return path
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                plain = not info.is_dir() and stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
                if copied(info.filename, plain, partial(packed.open, info)):
                    return path
    else:
        raise shutil.ReadError("what came is no archive")
    raise shutil.ReadError(f"the archive has no file {member}")


def _download(url: str, folder: Path) -> Path:
    path = folder / PurePosixPath(urlsplit(url).path).name
    request = urllib.request.Request(url, headers={"User-Agent": f"i2i_zoo/{__version__}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response, path.open("wb") as file:
            length = int(response.headers.get("Content-Length") or 0)
            with tqdm(total=length or None, unit="B", unit_scale=True, desc=path.name) as progress:
                while chunk := response.read(1 << 20):
                    file.write(chunk)
                    progress.update(len(chunk))
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ZooError(
            f"{url}: the download failed ({reason}); check the network and the disk, and try again."
        ) from error
    if path.stat().st_size != length and length:
        raise ZooError(f"The download of {url} broke off after {path.stat().st_size} of {length} bytes: try again.")
    return path


def _needed(files: Files, file: str, name: str | os.PathLike[str]) -> Path:
    path = files(file)
    if path is None:
        raise ZooError(f"The checkpoint {name} has no {file}: check the name, or get the file from its author.")
    return path


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ZooError(f"{path}: the file cannot be read ({error}); get it again.") from error
    kinds = {"method": str, "hparams": dict, "preprocess": dict}
    if not isinstance(config, dict) or not all(isinstance(config.get(key), kind) for key, kind in kinds.items()):
        raise ZooError(f"{path} is not the config.json of a checkpoint: it needs {', '.join(kinds)}.")
    if config["method"] not in registry.METHODS:
        choices = ", ".join(registry.METHODS)
        raise ZooError(f"{path}: no method is called {config['method']!r}: choose from {choices}.")
    return config


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except Exception as error:  # also a type of tensor that torch has not
        raise ZooError(f"{path} is damaged ({str(error).rstrip('.')}); get it again.") from error
