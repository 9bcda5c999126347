"""The Gymnasium suite for text generation: a text is written token by token, each token an action.

Importing this package registers its ids with Gymnasium.
"""

from textgen_env.core import GenerationCore
from textgen_env.descriptions import describe
from textgen_env.env import TextGenEnv
from textgen_env.environments import TABLE, register, register_environment
from textgen_env.game import TextGame, text_game
from textgen_env.rewards.base import BaseReward, FunctionReward, Reward
from textgen_env.rewards.text import text_reward
from textgen_env.snapshot import Snapshot
from textgen_env.specs import combine, register_reward, register_task
from textgen_env.tasks.base import BaseTask, Sources, SourceTable, Task
from textgen_env.vector import TextGenVectorEnv
from textgen_env.vocabulary import Texts, Vocabulary

__version__ = "0.1.0"
__all__ = [
    "TABLE",
    "BaseReward",
    "BaseTask",
    "FunctionReward",
    "GenerationCore",
    "Reward",
    "Snapshot",
    "SourceTable",
    "Sources",
    "Task",
    "TextGame",
    "TextGenEnv",
    "TextGenVectorEnv",
    "Texts",
    "Vocabulary",
    "combine",
    "describe",
    "register",
    "register_environment",
    "register_reward",
    "register_task",
    "text_game",
    "text_reward",
]

register()
