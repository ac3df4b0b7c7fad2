"""What is wrong in the arguments and recipes of ``fit`` and its kin, in one plain sentence.

The parser knows that something is wrong, and explains it in its own terms.  So everything is looked at here once more,
one option after the other, until the first one that is wrong.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import lightning as L
import yaml
from jsonargparse import ArgumentParser
from lightning.pytorch import callbacks, loggers
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from i2i_zoo.annotations import Seed, remedy
from i2i_zoo.data import datamodules
from i2i_zoo.errors import ZooError, choices, closest
from i2i_zoo.methods.base import Method
from i2i_zoo.registry import METHODS, method_class

from .recipes import is_recipe
from .trainer_options import RANGES

#: Options of every verb, beside those of Lightning.
OWN_OPTIONS: dict[str, Any] = {"seed_everything": bool | Seed, "init_from": str | None, "compile": bool}
#: Options that need no check, and perhaps no value.
SPECIAL = ("help", "config", "print_config")
SECTIONS = ("model", "data", "trainer")


class Kind(NamedTuple):
    """Classes that an option chooses from."""

    what: str
    base: type
    classes: Callable[[], Mapping[str, type]]
    #: Whether there may be several, or none.
    optional: bool


def of_package(base: type) -> dict[str, type]:
    """The imported public classes of Lightning and of this package that are derived from a class, by name."""
    found: dict[str, type] = {}
    cls: type
    for cls in base.__subclasses__():
        public = cls.__module__.startswith(("lightning.", "i2i_zoo.")) and not cls.__name__.startswith("_")
        found |= ({cls.__name__: cls} if public and not inspect.isabstract(cls) else {}) | of_package(cls)
    return dict(sorted(found.items()))


KINDS = {
    "model": Kind("method", Method, lambda: {c.__name__: c for c in map(method_class, METHODS)}, False),
    "data": Kind("datamodule", L.LightningDataModule, datamodules, False),
    "trainer.callbacks": Kind("callback", callbacks.Callback, lambda: of_package(callbacks.Callback), True),
    "trainer.logger": Kind("logger", loggers.Logger, lambda: of_package(loggers.Logger), True),
}


class Wrong(Exception):
    """The sentence about the first wrong option."""


def diagnose(verb: str, args: Sequence[str], needed: Sequence[str] = ("model", "data")) -> str | None:
    """The sentence about the first wrong option of ``i2i-zoo <verb> <args>``; None if none is found."""
    try:
        Diagnosis(verb, needed).check(args)
    except Wrong as wrong:
        return str(wrong)
    return None


def diagnose_sections(content: Mapping[str, Any]) -> str | None:
    """The sentence about the first wrong option in the sections of a recipe of ``fit``; None if none is found."""
    try:
        Diagnosis("fit").check_sections("", content)
    except Wrong as wrong:
        return str(wrong)
    return None


def options_of(verb: str) -> dict[str, Any]:
    """The options of a verb that stand outside of the sections, with their types."""
    left_out = LightningCLI.subcommands()[verb]
    parameters = inspect.signature(getattr(L.Trainer, verb)).parameters
    return OWN_OPTIONS | {name: p.annotation for name, p in parameters.items() if name not in {"self", *left_out}}


class Diagnosis:
    """Goes through the arguments of one command, and raises `Wrong` at the first that is wrong."""

    def __init__(self, verb: str, needed: Sequence[str] = ("model", "data")) -> None:
        self.options, self.needed = options_of(verb), needed
        #: What the options name so far: the class of each kind, and the names of its arguments.
        self.chosen: dict[str, tuple[type, set[str]]] = {}
        #: The same of every callback and logger.
        self.several: list[tuple[str, tuple[type, set[str]]]] = []

    def check(self, args: Sequence[str]) -> None:
        """Check all arguments."""
        for option, value in pairs(args):
            if option is None:
                hint = f"did you mean --config {value}?" if value and is_recipe(value) else "leave it out."
                raise Wrong(f"{value}: there is no place for this argument; {hint}")
            name = option.removesuffix("+")
            if name in ("config", "c"):
                if not value:
                    raise Wrong("--config needs the name of a file or a recipe.")
                self.check_recipe(value)
            elif name.rpartition(".")[2] not in SPECIAL:
                self.check_option(name, value)
        if missing := [f"--{name}" for name in self.needed if name not in self.chosen]:
            raise Wrong(
                f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: give a recipe, such as "
                "--config pix2pix/camvid, or the names of classes."
            )
        for kind, (cls, given) in [*self.chosen.items(), *self.several]:
            for key, parameter in inspect.signature(cls).parameters.items():
                variable = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
                if parameter.default is parameter.empty and not variable and key not in given:
                    raise Wrong(f"{cls.__name__} needs {key}: give --{kind}.{key}.")

    def check_recipe(self, path: str) -> None:
        """Check a recipe's file."""
        self.check_sections(f"{path}: ", yaml.safe_load(Path(path).read_text(encoding="utf-8")))

    def check_sections(self, where: str, content: Mapping[str, Any]) -> None:
        """Check the sections of a recipe; ``where`` begins the sentence."""
        for name, value in content.items():
            if name not in (*SECTIONS, *self.options):
                raise Wrong(f"{where}there is no section {name}; {choices(str(name), [*SECTIONS, *self.options])}.")
            elif name == "trainer":
                for key, item in value.items():
                    self.check_setting(where, f"trainer.{key}", item)
            else:
                self.check_setting(where, name, value)

    def check_option(self, name: str, value: str | None) -> None:
        """Check an option of the command line."""
        section, _, key = name.partition(".")
        flags = [*self.options, *SECTIONS, "config", *(f"trainer.{key}" for key in trainer_options())]
        known = key.partition(".")[0] in trainer_options() if section == "trainer" else section in SECTIONS
        if not known and name not in self.options:
            close = closest(name, flags) or next((flag for flag in flags if flag.startswith(name)), "")
            hint = f"the closest is --{close}." if close else "leave it out, or see --help."
            raise Wrong(f"There is no option --{name}; {hint}")
        if value is None:
            raise Wrong(f"--{name} needs a value.")
        self.check_setting("--", name, value, text=True)

    def check_setting(self, where: str, name: str, value: Any, text: bool = False) -> None:
        """Check the value of an option, or of a key of a recipe, by its full name; ``where`` begins the sentence."""
        for prefix in KINDS:
            if name == prefix:
                self.check_class(where, prefix, value, text)
                return
            if name.startswith(f"{prefix}."):
                self.check_argument(where, prefix, name.removeprefix(f"{prefix}."), value, text)
                return
        section, _, key = name.partition(".")
        if section == "trainer":
            if key.partition(".")[0] not in trainer_options():
                close = closest(key, trainer_options())
                hint = f"the closest is {close}." if close else "leave it out."
                raise Wrong(f"{where}{name} {value}: the trainer has no such option; {hint}")
            if "." not in key:
                hint = RANGES.get(key, trainer_options()[key])
                check_type(f"{where}{name}", trainer_options()[key], hint, value, text)
        elif name in self.options:
            check_type(f"{where}{name}", self.options[name], self.options[name], value, text)

    def check_class(self, where: str, kind: str, value: Any, text: bool) -> None:
        """Check the choice of a class: a name, or a mapping with ``class_path`` and ``init_args``; or several."""
        what, base, classes, optional = KINDS[kind]
        if text and (value[:1] in "[{" or optional):
            value, text = parsed(value), False
        if optional and (value is None or isinstance(value, bool)):
            return
        if optional and isinstance(value, list):
            for item in value:
                self.check_class(where, kind, item, False)
            return
        name, arguments = (value.get("class_path"), value.get("init_args")) if isinstance(value, dict) else (value, {})
        cls = find_class(name, base, classes()) if isinstance(name, str) else None
        if cls is None:
            raise Wrong(f"{where}{kind} {name}: there is no such {what}; {choices(str(name), classes())}.")
        self.chosen[kind] = cls, set()
        if optional:
            self.several.append((kind, self.chosen[kind]))
        if isinstance(arguments, dict):
            for key, item in arguments.items():
                self.check_argument(where, kind, key, item, False)

    def check_argument(self, where: str, kind: str, key: str, value: Any, text: bool) -> None:
        """Check an argument of the class that was chosen last."""
        key = key.removeprefix("init_args.")
        if key == "class_path":
            self.check_class(where, kind, value, text)
            return
        if kind not in self.chosen:
            raise Wrong(f"{where}{kind}.{key} {value}: name the {KINDS[kind].what} first, with {where}{kind}.")
        cls, given = self.chosen[kind]
        parameters, hints = arguments_of(cls)
        name = key.partition(".")[0]
        if name not in parameters:
            close = f"{'--' * (where == '--')}{kind}.{near}" if (near := closest(name, parameters)) else ""
            if close or not takes_any(cls):
                hint = f"the closest is {close}." if close else f"it has {', '.join(parameters) or 'none'}."
                raise Wrong(f"{where}{kind}.{key} {value}: {cls.__name__} has no option {name}; {hint}")
        given.add(name)
        if name == key and name in hints:
            check_type(f"{where}{kind}.{name}", hints[name], hints[name], value, text)


def pairs(args: Sequence[str]) -> Iterator[tuple[str | None, str | None]]:
    """The options among the arguments with their values; an argument without an option has None."""
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        if not arg.startswith("--") and arg not in ("-c", "-h"):
            yield None, arg
            continue
        name, equals, value = arg.lstrip("-").partition("=")
        if not equals and rest and not rest[0].startswith("--"):
            value, equals = rest.pop(0), "="
        yield name, value if equals else None


def find_class(name: str, base: type, classes: Mapping[str, type]) -> type | None:
    """The class of this name or import path, if it is derived from ``base``."""
    module, _, short = name.rpartition(".")
    if not module:
        return classes.get(name) or of_package(base).get(name)
    try:
        found = getattr(import_module(module), short, None)
    except ImportError:
        return None
    return found if inspect.isclass(found) and issubclass(found, base) else None


def arguments_of(cls: type) -> tuple[list[str], dict[str, Any]]:
    """The names of a constructor's arguments, and the types of those that have one."""
    names = [
        p.name for p in inspect.signature(cls).parameters.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
    try:
        return names, typing.get_type_hints(cls.__init__, include_extras=True)  # type: ignore[misc]  # of any class
    except NameError:  # Lightning imports some types only to check them
        return names, {}


def takes_any(cls: type) -> bool:
    """Whether a constructor takes arguments of any name."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(cls).parameters.values())


def trainer_options() -> dict[str, Any]:
    """The options of the trainer with their types."""
    return arguments_of(L.Trainer)[1] | {}


def parsed(text: str) -> Any:
    """The value of a text of the command line, which may be YAML; else the text itself."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def check_type(label: str, annotation: Any, described: Any, value: Any, text: bool) -> None:
    """Raise `Wrong` if the parser does not take a value for this annotation; ``described`` is the one to explain."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=annotation)
    try:
        parser.parse_args([f"--value={value}"]) if text else parser.parse_object({"value": value})
    except Exception as error:  # of many types
        raise Wrong(f"{label} {value}: {remedy(described)}.") from error


class NotUnderstood(Exception):
    """The parser's own message about wrong arguments."""


class Parser(LightningArgumentParser):
    """A parser that raises its errors, and does not exit."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        if isinstance(ex, ZooError):  # from the parser of a subcommand
            raise ex
        raise NotUnderstood(" ".join(message.split()))
