"""Where runs are: their folders, and the lock that keeps two processes out of one folder.

The runs of a recipe lie in ``<root>/<name>/version_<N>``, whatever logger they use, each with its ``checkpoints``.
"""

from __future__ import annotations

import errno
import os
import platform
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NoReturn

import lightning as L
from lightning.pytorch.cli import SaveConfigCallback

from i2i_zoo.atomic import atomic_write
from i2i_zoo.errors import ZooError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

#: The file that is locked; it names the process that holds the lock.
LOCK = "run.lock"


class RunFolder:
    """The folder of one run, which no other process can train in until `release`.

    The system drops the lock when the process ends, however it ends.

    Args:
        runs: The folder of all runs of a recipe.
        version: Name of the folder to continue in; None for a new one.

    Raises:
        ZooError: If another process trains in the folder.
    """

    def __init__(self, runs: Path, version: str | None = None) -> None:
        self.path = runs / version if version else new_folder(runs)
        self.file = self.locked()
        self.file.truncate(0)
        self.file.write(f"number {os.getpid()} on {platform.node()}\n")
        self.file.flush()

    def locked(self) -> IO[str]:
        """The open and locked file of this folder."""
        path = self.path / LOCK
        while True:
            file = open(path, "a+")  # noqa: SIM115  # stays open as long as the lock is held
            try:
                lock(file)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                    return file  # the file system has no locks: the run goes on without
                file.seek(0)
                holder = file.read().strip()
                file.close()
                raise ZooError(
                    f"{self.path}: another process{f' ({holder})' * bool(holder)} trains in this folder; wait for its "
                    "end, or start a run of its own without --ckpt_path."
                ) from None
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
            file.close()  # its holder has just removed it

    def release(self) -> None:
        """Give up the lock, and remove a folder that nothing was written to."""
        with suppress(PermissionError):  # Windows removes no open files
            (self.path / LOCK).unlink(missing_ok=True)
        self.file.close()
        with suppress(OSError):  # it holds something
            self.path.rmdir()


def new_folder(runs: Path) -> Path:
    """A new folder ``version_<N>``, which no other process can have made."""
    runs.mkdir(parents=True, exist_ok=True)
    while True:
        taken = [int(path.name[8:]) for path in runs.glob("version_*") if path.name[8:].isdecimal()]
        folder = runs / f"version_{max(taken, default=-1) + 1}"
        try:
            folder.mkdir()
        except FileExistsError:  # another run was faster
            continue
        return folder


def lock(file: IO[str]) -> None:
    """Lock an open file for this process; raises `OSError` if another one has locked it."""
    if sys.platform == "win32":
        file.seek(1 << 30)  # a place without content, since Windows forbids others to read what is locked
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        # A record lock: unlike that of flock, it does not pass on to the processes that load data.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class SaveConfig(SaveConfigCallback):
    """Writes the configuration as ``config.yaml`` into the run's folder, whatever the logger."""

    def save_config(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        path = Path(trainer.default_root_dir) / self.config_filename
        with atomic_write(path) as partial, warnings.catch_warnings():
            # jsonargparse renames it to skip_unset, which the versions before 4.49 do not know.
            warnings.filterwarnings("ignore", r"\s*skip_none parameter was deprecated")
            self.parser.save(self.config, partial, skip_none=False, overwrite=True, multifile=False)


class EndedBySignal(Exception):
    """A signal has ended the run.

    Args:
        number: SIGTERM or SIGINT.
        outlook: How to go on.
    """

    def __init__(self, number: signal.Signals, outlook: str) -> None:
        self.status = 128 + number  # as shells report it
        super().__init__(f"{'interrupted' if number == signal.SIGINT else f'ended by {number.name}'}{outlook}")


@contextmanager
def ended_by_signals(outlook: Callable[[], str]) -> Iterator[None]:
    """In the block, SIGTERM and, for Ctrl-C, SIGINT stop the work at once, wherever it is, and raise `EndedBySignal`.

    Lightning by itself turns both into exits whose status hides the signal.
    """
    received: signal.Signals | None = None
    report = sys.unraisablehook

    def stop(number: int, frame: object) -> NoReturn:
        nonlocal received
        received = signal.Signals(number)
        leave_workers()
        raise SystemExit(128 + number)

    def leave_workers() -> None:
        # The same signal ends the workers.  Torch's handler would raise an error about that in the midst of the ending.
        if in_main_thread and hasattr(signal, "SIGCHLD"):
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def send_again(lost: Any) -> None:
        # Python drops what is raised in a destructor, and loaders of data end their workers in one.
        if received and isinstance(lost.exc_value, SystemExit):
            threading.Timer(0.1, signal.raise_signal, (received,)).start()
        else:
            without_workers(lost)

    def without_workers(lost: Any) -> None:
        # The same signal ends the workers, which torch may find out in a destructor, even after the block.
        if not (received and signal_of_a_worker(lost.exc_value)):
            report(lost)

    in_main_thread = threading.current_thread() is threading.main_thread()  # only it may set handlers
    # What starts a command in the background may have told it to ignore Ctrl-C.
    handled = [s for s in (signal.SIGTERM, signal.SIGINT) if in_main_thread and signal.getsignal(s) != signal.SIG_IGN]
    previous = {number: signal.signal(number, stop) for number in handled}
    sys.unraisablehook = send_again
    try:
        yield
    except BaseException as error:
        received = received or signal_of_a_worker(error)
        if received:
            leave_workers()
            raise EndedBySignal(received, outlook()) from None
        raise
    finally:
        sys.unraisablehook = without_workers if received else report
        for number, handler in previous.items():
            signal.signal(number, handler)


def signal_of_a_worker(error: BaseException | None) -> signal.Signals | None:
    """The signal that ended a worker that reads data: that may be seen before the signal to this process."""
    ends = {"is killed by signal: Terminated": signal.SIGTERM, "with exit code 130": signal.SIGINT}
    seen = set[int]()  # a chain of errors may be a circle
    while error is not None and id(error) not in seen:
        if isinstance(error, RuntimeError) and str(error).startswith("DataLoader worker"):
            for end, number in ends.items():
                if end in str(error):
                    return number
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
