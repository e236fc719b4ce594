"""The recipes that a row can name: from training clips to probabilities of the clips left out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmaction_timesformer.studies.recipes import baselines, closed_form, networks, patches, pixels
from mmaction_timesformer.studies.recipes.task import Task

RECIPES: dict[str, Callable[[Task], np.ndarray]] = {
    'majority': baselines.majority,
    'neighbour': baselines.neighbour,
    'ridge': closed_form.ridge,
    'logistic': closed_form.logistic,
    'adamw': networks.adamw,
    'timesformer': networks.timesformer,
    'patches': patches.patches,
    'pixels': pixels.pixels,
}
RANDOM = ('adamw', 'timesformer', 'pixels')
"""Recipes that draw at random; the others give the same for every seed."""

__all__ = ['RANDOM', 'RECIPES', 'Task']
