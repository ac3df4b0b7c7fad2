"""From the name of a checkpoint to its files: in a folder, inside the package, on the Hub, or at its authors'."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub import errors as hub_errors
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # httpx or httpx2, by version

from i2i_zoo import __version__, registry
from i2i_zoo.errors import ZooError, install
from i2i_zoo.examples import bundle
from i2i_zoo.registry import Entry

from .archives import ArchiveError, extract_member
from .downloads import DownloadError, download, from_drive
from .first_use import FirstUse, sha256_of, zoo_cache
from .format import CONFIG
from .runs import refuse_folder_above, result_of

#: A file or folder of Google Drive: which of the two, its id, and the file that is meant within that archive or folder.
DRIVE = re.compile(r"https://drive\.google\.com/(uc\?id=|drive/folders/)([\w-]+)(?:#(.*))?")

#: The path of a checkpoint's file by its name; None if the checkpoint has no such file.
Files = Callable[[str], Path | None]


def locate(
    name: str | os.PathLike[str],
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
) -> Files:
    """The files of a checkpoint.  An official one has none until its folder in the cache is written.

    Args:
        name: A name of the registry, ``hf:org/repo``, ``hf:org/repo@revision``, or the folder of a checkpoint or a run.
        revision: Branch, tag or commit on the Hub, instead of that of the name or the registry.
        cache_dir: Where downloads are kept, instead of the Hub's cache and of ``$I2I_ZOO_CACHE``.
        token: Token for the Hub; by default the one that ``hf auth login`` stored.
        local_files_only: Do not use the network.

    Raises:
        ZooError: If there is no such checkpoint.  The returned function raises it too, if a file cannot be fetched or
            is not the one that the registry names.
    """
    name = os.fspath(name)
    entry = registry.ENTRIES.get(name)
    if name.startswith("hf:") or (entry and entry.weights == "hub"):
        repo, _, pinned = (entry.repo, "", entry.revision) if entry else name.removeprefix("hf:").partition("@")
        files = _hub_files(repo, revision or pinned or None, cache_dir, token, local_files_only)
        return _verified(files, entry) if entry and revision in (None, pinned) else files
    if entry is None and not os.path.isdir(name):
        registry.refuse_weights(name)
        raise ZooError(
            f"{name!r} is neither a checkpoint of the zoo (the closest are {registry.suggest(name)}), nor a directory, "
            "nor hf:org/repo."
        )
    if revision is not None:
        raise ZooError(f"{name} has no revisions, since it is not on the Hub: drop revision={revision!r}.")
    if entry is None:
        result = result_of(Path(name))
        if result == Path(name) and not (result / CONFIG).is_file():
            registry.refuse_weights(name)
            refuse_folder_above(result)
        if result.is_file():
            raise ZooError(
                f"{name}: the run has not saved a model yet: continue it with --ckpt_path last, or make a model of its "
                f"last checkpoint with i2i-zoo convert METHOD {result} -o FOLDER."
            )
        return _directory_files(result)
    if entry.weights == "bundled":
        return _verified(_directory_files(bundle(name)), entry)
    return _directory_files(official_folder(entry, cache_dir))


def needed(files: Files, file: str, name: str | os.PathLike[str]) -> Path:
    """The path of a checkpoint's file; raises `ZooError`, which names the checkpoint, if it has no such file."""
    path = files(file)
    if path is None:
        raise ZooError(f"The checkpoint {name} has no {file}: check the name, or get the file from its author.")
    return path


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
        with hub_failures(repo, revision):
            try:
                if not local_files_only and not constants.HF_HUB_OFFLINE:
                    _ask_once(repo, file, revision, cache_dir, token)
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


def _ask_once(
    repo: str, file: str, revision: str | None, cache_dir: str | os.PathLike[str] | None, token: str | bool | None
) -> None:
    """Ask the Hub for a file that is not in the cache, and raise the first error of the network.

    The client itself would try for half a minute before it gives up, and report each try.
    """
    cached = huggingface_hub.try_to_load_from_cache(
        repo, file, cache_dir=None if cache_dir is None else Path(cache_dir), revision=revision
    )
    if cached is None:
        try:
            huggingface_hub.get_hf_file_metadata(huggingface_hub.hf_hub_url(repo, file, revision=revision), token=token)
        except httpx.TransportError as error:
            raise hub_errors.LocalEntryNotFoundError(str(error)) from error


def _verified(files: Files, entry: Entry) -> Files:
    def verified(file: str) -> Path | None:
        path = files(file)
        if path and file in entry.sha256 and sha256_of(path) != entry.sha256[file]:
            raise ZooError(f"{path} is not the file of {entry.name}: its sha256 differs; delete it and try again.")
        return path

    return verified


@contextmanager
def hub_failures(repo: str, revision: str | None) -> Iterator[None]:
    """Whatever the Hub's client raises within the block, as one sentence in a `ZooError`."""
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
        raise ZooError(f"{repo!r} is not a repository of the Hub; these are called org/name.") from error
    except httpx.TransportError as error:
        why = str(error).strip() or type(error).__name__
        raise ZooError(f"hf:{repo}: the Hub failed: it cannot be reached ({why}); check the network.") from error
    except (httpx.HTTPError, OSError) as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise ZooError(f"hf:{repo}: the Hub failed: {first_line}.") from error


def official_folder(entry: Entry, cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Where an official checkpoint is kept once it is converted."""
    return zoo_cache(cache_dir) / entry.name


@contextmanager
def official_files(entry: Entry, directory: Path, *, local_files_only: bool = False) -> Iterator[dict[str, Path]]:
    """The authors' files of an official checkpoint by network, fetched now and deleted at the end of the block.

    The terms are printed first.

    Args:
        entry: The checkpoint.
        directory: Its `official_folder`; the files are put beside it.
        local_files_only: Do not use the network.

    Raises:
        ZooError: If a file cannot be fetched; it says how to import one by hand where that helps.
    """
    cache = directory.parent
    if local_files_only or constants.HF_HUB_OFFLINE:
        raise ZooError(f"{entry.name} is not in the cache {cache}: load it once with the network allowed.")
    print(f"{entry.name}: {entry.license_notice}", file=sys.stderr)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        temporary = TemporaryDirectory(prefix=f".{entry.name}.", dir=cache)
    except OSError as error:
        raise ZooError(f"{cache}: the cache cannot be written ({error.strerror}); set I2I_ZOO_CACHE.") from error
    with temporary as root:
        files, first_uses, archives = {}, [], dict[str, Path]()
        for network, url in entry.official.items():
            folder = Path(root, network)
            folder.mkdir()
            drive = DRIVE.fullmatch(url)
            # Of a folder of Drive one file is fetched, of an archive the whole.
            whole = url if drive and drive[1] == "drive/folders/" else url.partition("#")[0]
            first_uses.append(first_use := FirstUse(whole, cache))
            if whole in archives:  # it is not fetched again for another of its files
                archives[whole] = archives[whole].rename(folder / archives[whole].name)
            else:
                archives[whole] = folder / (drive[2] if drive else PurePosixPath(urlsplit(whole).path).name)
            if drive:
                files[network] = _drive_file(entry, drive, directory, folder, first_use)
            else:
                files[network] = _official_file(url, folder, first_use)
        yield files
        for first_use in first_uses:  # only now: what could not be used may have been an error page
            first_use.keep()


def _official_file(url: str, folder: Path, first_use: FirstUse) -> Path:
    """The authors' file, put into the folder.

    If the address has a part after a ``#``, it leads to an archive, and that part names the file within it.
    """
    address, _, member = url.partition("#")
    path = folder / PurePosixPath(urlsplit(address).path).name
    download(address, path, first_use=first_use)
    if not member:
        return path
    try:
        return extract_member(path, member)
    except ArchiveError as error:
        raise ZooError(f"{url} could not be unpacked ({error.reason}); check the disk, or try again later.") from error


def _drive_file(entry: Entry, drive: re.Match[str], directory: Path, folder: Path, first_use: FirstUse) -> Path:
    """The file of Google Drive that an address means (see `DRIVE`); put into the folder.

    Raises `ZooError` if `gdown` is not installed, Drive refuses, or the file in an archive is not known.  It
    says how to import the file by hand, to ``directory``, where `locate` finds it under the entry's name.
    """
    kind, identity, member = drive.groups()
    path = folder / identity
    remedy = "try again later, or "
    try:
        if member == "":
            why, remedy = "the registry does not name its file in the archive", ""
        elif kind == "drive/folders/":
            from_drive(identity, path, folder=True)
            if (path / member).is_file():
                first_use.compare(path / member)
                return path / member
            why = f"the folder has no file {member}"
        else:
            if not path.exists():
                from_drive(identity, path)
            first_use.compare(path)
            return extract_member(path, member) if member else path
    except ImportError:
        why, remedy = "gdown is not installed", f"{install('gdown')} and try again, or "
    except (DownloadError, ArchiveError) as error:
        why = error.reason
    members = {network: url.partition("#")[2] or "FILE" for network, url in entry.official.items()}
    several = [f"{network}={file}" for network, file in members.items()]
    given = " ".join(several) if len(several) > 1 else member or "FILE"
    command = f"i2i-zoo convert {entry.method} {given} -o {shlex.quote(str(directory))}"
    raise ZooError(
        f"{entry.name} could not be fetched from Google Drive ({why}): {remedy}get "
        f"{', '.join(dict.fromkeys(members.values()))} out of "
        f"https://drive.google.com/open?id={identity} with a browser, run `{command}` and load {entry.name} again."
    )
