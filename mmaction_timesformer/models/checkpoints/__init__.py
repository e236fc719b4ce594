"""Weights of every known format: reading, converting, fitting, reporting."""

from mmaction_timesformer.models.checkpoints.exporting import (
    EXPORTS,
    convert_file,
    export,
    read_class_map,
)
from mmaction_timesformer.models.checkpoints.fitting import fit
from mmaction_timesformer.models.checkpoints.formats import FORMATS, WeightFormat, recognise
from mmaction_timesformer.models.checkpoints.guards import is_whole, refuse_non_finite
from mmaction_timesformer.models.checkpoints.loading import accept_any_weights, load_weights
from mmaction_timesformer.models.checkpoints.public_weights import (
    PUBLIC_WEIGHTS,
    Preprocessing,
    PublicWeights,
    find_public_weights,
    markdown_table,
)
from mmaction_timesformer.models.checkpoints.reading import (
    download,
    find_checkpoint,
    read_checkpoint,
)
from mmaction_timesformer.models.checkpoints.report import Fate, LoadReport, Outcome

__all__ = [
    'EXPORTS',
    'FORMATS',
    'PUBLIC_WEIGHTS',
    'Fate',
    'LoadReport',
    'Outcome',
    'Preprocessing',
    'PublicWeights',
    'WeightFormat',
    'accept_any_weights',
    'convert_file',
    'download',
    'export',
    'find_checkpoint',
    'find_public_weights',
    'fit',
    'is_whole',
    'load_weights',
    'markdown_table',
    'read_checkpoint',
    'read_class_map',
    'recognise',
    'refuse_non_finite',
]
