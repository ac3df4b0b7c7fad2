"""``i2i-zoo fit``, ``validate``, ``test`` and ``predict``: Lightning's command line over recipes."""

from __future__ import annotations

import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from i2i_zoo import hub
from i2i_zoo.annotations import Seed, allows, remedy
from i2i_zoo.callbacks.resume import WholeCheckpoints
from i2i_zoo.convert import convert
from i2i_zoo.devices import advice_on_precision
from i2i_zoo.errors import ZooError, printable
from i2i_zoo.lightning_private import quiet
from i2i_zoo.methods.base import Method
from i2i_zoo.registry import method_name
from i2i_zoo.store.format import CARD
from i2i_zoo.store.runs import last_checkpoint

from .conditions import usage
from .continuing import check_checkpoint, restoring
from .default_callbacks import with_defaults
from .diagnosis import NotUnderstood, Parser, diagnose
from .messages import first_reason, reason
from .monitors import monitoring
from .names import check_own_model, find
from .recipes import find_recipes, import_recipe_classes, run_name
from .recording import card_of, record_test, record_validation
from .runs import EndedBySignal, RunFolder, SaveConfig, ended_by_signals
from .trainer_options import check_trainer, several_devices


def main(verb: str, args: Sequence[str]) -> int:
    """Run ``i2i-zoo <verb> <args>`` and return the exit status.

    All verbs but ``fit`` may take the name of a checkpoint first: the configuration is then what was saved with it.
    With ``--card``, ``test`` writes the numbers into the checkpoint's card.

    Raises `ZooError` for bad arguments, recipes and data.
    """
    command = shlex.join(["i2i-zoo", verb, *args])
    args, named = list(args), None
    if verb != "fit" and args and not args[0].startswith("-"):
        named = find(args.pop(0))
    card = None
    if verb == "test" and "--card" in args:
        args.remove("--card")
        card = card_of(named)  # fails before hours of measuring
    configs = find_recipes(args)
    run = run_name(configs[0]) if configs else None
    checkpoint = None
    if named is not None:
        check_own_model(named.name, args)
        run, checkpoint = run or named.run, None if named.unfinished else named.name
        args = [*([] if configs else named.arguments(args)), *args]
    try:
        cli = TrainingCLI(verb, args, run, checkpoint)
    except (MisconfigurationException, FileNotFoundError) as error:
        raise ZooError(" ".join(str(error).split())) from error
    except RuntimeError as error:
        # Where the worker dies while Lightning begins to read, Lightning's own clean-up fails over it.
        first = next((e for e in (error, error.__context__) if str(e).startswith("DataLoader worker")), None)
        if first is None:
            raise
        raise ZooError(
            f"{str(first).splitlines()[0].rstrip('. ')}: most often the memory was full, so use fewer "
            "--data.num_workers or a smaller --data.batch_size; --ckpt_path last continues the run."
        ) from error
    except EndedBySignal as end:
        print(f"i2i-zoo: {printable(str(end))}", file=sys.stderr)
        return end.status
    if card and cli.trainer.is_global_zero:
        record_test(card, str(named and named.name), cli.trainer, command)
        print(printable(f"Written into {card}."))
    return 0


class TrainingCLI(LightningCLI):
    """One verb of Lightning's command line.

    Args:
        verb: ``fit``, ``validate``, ``test`` or ``predict``.
        args: The arguments after it.
        run: Name of the run's folder; by default made from the classes of method and data.
        checkpoint: A name for `load` whose weights to use; for all verbs but ``fit``.
    """

    def __init__(self, verb: str, args: list[str], run: str | None = None, checkpoint: str | None = None) -> None:
        self.verb, self.run, self.checkpoint = verb, run, checkpoint
        self.run_folder: RunFolder | None = None
        try:
            with ended_by_signals(self.outlook), quiet():
                self.start(args)
        finally:
            if self.run_folder:
                self.run_folder.release()

    def outlook(self) -> str:
        """How to go on when a signal has ended this command."""
        if self.run_folder is None:
            return ""
        last = self.run_folder.path / "checkpoints" / "last.ckpt"
        if not last.exists():
            return " before the first checkpoint; start the run again"
        return f"; the same command with --ckpt_path last continues the run from {last}"

    def start(self, args: list[str]) -> None:
        """Do everything that Lightning's constructor does: parse, build and run."""
        import_recipe_classes()
        verb, fit = self.verb, self.verb == "fit"
        super().__init__(
            Method,
            L.LightningDataModule,
            save_config_callback=SaveConfig if fit else None,
            save_config_kwargs={"save_to_log_dir": False},
            # The datamodules bring their own sampler; published numbers are measured on one device.
            trainer_defaults={"use_distributed_sampler": False, "default_root_dir": "runs"}
            | ({} if fit else {"logger": False, "devices": 1}),
            seed_everything_default=0,
            parser_kwargs={"prog": "i2i-zoo", "allow_abbrev": False},
            parser_class=Parser,
            subclass_mode_model=True,
            subclass_mode_data=True,
            args=[verb, *args],
            auto_configure_optimizers=False,
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # Lightning's is static
        return {self.verb: LightningCLI.subcommands()[self.verb]}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        # For all verbs, since recipes and the saved configurations of runs contain them; only fit uses them.
        parser.add_argument("--init_from", type=str | None, help="Checkpoint of the zoo to fine-tune.")
        parser.add_argument("--compile", type=bool, default=False, help="Compile the networks with torch.compile.")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        try:
            self.config = parser.parse_args(args)
        except NotUnderstood as error:
            found = diagnose(self.verb, args[1:])
            raise ZooError(found or "The options cannot be understood; compare them with --help.") from error
        seed = self.config[self.verb].seed_everything
        if not allows(bool | Seed, seed):
            raise ZooError(f"--seed_everything {seed}: {remedy(Seed)}.")
        check_trainer(self.config[self.verb].trainer)

    def _parse_ckpt_path(self) -> None:
        """Do nothing: Lightning would replace parts of the configuration by the checkpoint's hyper-parameters."""

    def before_instantiate_classes(self) -> None:
        config = self.config[self.verb]
        trainer = config.trainer
        if trainer.accumulate_grad_batches > 1:
            raise ZooError("Alternating updates do not accumulate gradients: use a larger --data.batch_size.")
        if trainer.gradient_clip_val:
            raise ZooError("gradient_clip_val only works with one optimiser: use the callback ClipGradients.")
        if trainer.strategy == "auto" and several_devices(trainer):
            trainer.strategy = "ddp_find_unused_parameters_true"
        if self.run is None:
            self.run = "-".join(config[key].class_path.rpartition(".")[2].lower() for key in ("model", "data"))
        if self.checkpoint is not None:
            config.model = hub.load(self.checkpoint)  # in place of the recipe's, which is not built
        #: The folder of all runs of this recipe.
        self.folder = Path(trainer.default_root_dir or ".") / self.run
        if config.ckpt_path == "last":
            last = last_checkpoint(self.folder)
            if last is None and self.verb != "fit":
                raise ZooError(
                    f"{self.folder}: no run has left a checkpoint here; give the path of one to --ckpt_path."
                )
            if last is None:  # the same command starts a run, and continues it after a kill at any moment
                print(printable(f"{self.folder}: no run has left a checkpoint here yet; it starts from the beginning."))
            config.ckpt_path = last and str(last)

    def instantiate_classes(self) -> None:
        try:
            with warnings.catch_warnings():
                # The parser takes a model that is built already, but cannot print it.
                warnings.filterwarnings("ignore", r"\s*Unable to serialize instance")
                super().instantiate_classes()
        except (ZooError, MisconfigurationException):
            raise
        # Any class in the configuration may raise them.
        except (TypeError, ValueError, LookupError, ArithmeticError, RuntimeError) as error:
            raise reason(error) or ZooError(
                f"The configuration cannot be built ({first_reason(str(error))}); correct it, or see --help."
            ) from error

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        config = self.config_init[self.verb]
        trainer, fit = config.trainer, self.verb == "fit"
        unlimited = trainer.max_epochs is None and trainer.max_steps == -1 and trainer.max_time is None
        if fit and unlimited and self.model.schedule_epochs:
            # Lightning would go on to epoch 1000.  The saved configuration records it too.
            self.config[self.verb].trainer.max_epochs = kwargs["max_epochs"] = self.model.schedule_epochs
        if fit and not trainer.fast_dev_run:
            version = self.resumed_version()
            self.run_folder = rank_zero_only(RunFolder)(self.folder, version)
            if self.run_folder:  # in the first process; the others learn from it where to write
                version, kwargs["default_root_dir"] = self.run_folder.path.name, str(self.run_folder.path)
            if trainer.logger in (None, True):
                kwargs["logger"] = TensorBoardLogger(
                    self.folder.parent, self.folder.name, version, default_hp_metric=False
                )
        plugins = trainer.plugins or []
        kwargs["plugins"] = [*(plugins if isinstance(plugins, list) else [plugins]), WholeCheckpoints()]
        kwargs |= with_defaults(self.verb, config, self.run_folder.path if self.run_folder else self.folder)
        built = super().instantiate_trainer(**kwargs)
        for callback in built.checkpoint_callbacks:
            if self.run_folder and isinstance(callback, ModelCheckpoint) and callback.dirpath is None:
                callback.dirpath = str(self.run_folder.path / "checkpoints")
        return built

    def resumed_version(self) -> str | None:
        """The version folder of the checkpoint to continue from, if it is a run of this recipe; None for a new one."""
        path, folder = Path(self.config[self.verb].ckpt_path or "").resolve(), self.folder.resolve()
        return path.relative_to(folder).parts[0] if folder in path.parents else None

    def after_instantiate_classes(self) -> None:
        if self.checkpoint is None:
            self.model.adopt(self.datamodule.preprocess)
        if path := self.config[self.verb].ckpt_path:
            self.model.configure_model()
            trainer: Any = self.trainer  # whose class does not declare its callbacks
            check_checkpoint(path, self.model, self.verb == "fit", trainer.callbacks)
        elif self.verb != "fit" and self.checkpoint is None:
            print(
                "No checkpoint is given, so this is an untrained model: give --ckpt_path FILE, or i2i-zoo "
                f"{self.verb} NAME.",
                file=sys.stderr,
            )

    def before_fit(self) -> None:
        config = self.config[self.verb]
        if self.trainer.limit_train_batches == 0:
            raise ZooError("--trainer.limit_train_batches 0 leaves nothing to train on: leave it out or raise it.")
        self.model.configure_model()
        if config.init_from and not config.ckpt_path:
            hub.init_from(self.model, config.init_from)
        if config.compile:
            self.model.compile_networks()
        advice = advice_on_precision(config.trainer.precision, self.trainer.strategy.root_device)
        if advice and self.trainer.is_global_zero:
            print(advice)

    def after_fit(self) -> None:
        """Save the trained model as a checkpoint of the zoo: the best one if a callback monitors it, else the last."""
        trainer: Any = self.trainer
        directory = Path(trainer.default_root_dir) / "model"
        if trainer.fast_dev_run or not trainer.is_global_zero:
            return
        if not trainer.global_step:
            if 0 in (trainer.max_epochs, trainer.max_steps):
                print("Nothing was trained, as max_epochs or max_steps is 0, so no model is saved.")
                return
            raise ZooError("Nothing was trained, so no model is saved: the data for training have no batch; add some.")
        model, best = self.model, None
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.monitor and callback.best_model_path:
                model, best = convert(method_name(type(model)), callback.best_model_path), callback
        hub.save(model, directory)
        record_validation(directory / CARD, trainer, best)
        print(printable(f"Saved {directory}. Use it with: {usage(model, directory)}"))

    def fit(self, **kwargs: Any) -> None:
        with restoring(kwargs.get("ckpt_path"), self.trainer), monitoring(self.trainer, self.run_folder):
            self.trainer.fit(**kwargs)

    def predict(self, **kwargs: Any) -> None:
        self.trainer.predict(**{**kwargs, "return_predictions": False})
        print(printable(f"Written to {self.folder / 'predictions'}."))
