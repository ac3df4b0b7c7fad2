"""The tasks: the contract between data, methods, metrics and the person who calls ``translate`` or ``sample``."""

from .animation import AnimationTask
from .base import Task
from .clips import ClipsTask
from .dancer import DancerTask
from .one_style import OneStyleTask
from .paired import PairedTask
from .pose import PoseTask
from .semantic import SemanticTask
from .style import StyleTask
from .unpaired import UnpairedTask

__all__ = [
    "AnimationTask", "ClipsTask", "DancerTask", "OneStyleTask", "PairedTask", "PoseTask", "SemanticTask", "StyleTask",
    "Task", "UnpairedTask",
]  # fmt: skip
