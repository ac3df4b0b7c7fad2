"""The tasks: the contract between data, methods, metrics and the person who calls ``translate`` or ``sample``."""

from .base import Task
from .clips import ClipsTask
from .one_style import OneStyleTask
from .paired import PairedTask
from .pose import PoseTask
from .semantic import SemanticTask
from .style import StyleTask
from .unpaired import UnpairedTask

__all__ = ["ClipsTask", "OneStyleTask", "PairedTask", "PoseTask", "SemanticTask", "StyleTask", "Task", "UnpairedTask"]
