"""Weights of every known format: reading, converting, fitting, reporting."""

from .exporting import EXPORTS, convert_file, export, read_class_map
from .families import PUBLIC_WEIGHTS, PublicWeights, find_public_weights, markdown_table
from .fitting import fit
from .formats import FORMATS, WeightFormat, recognise
from .loading import accept_any_weights, load_weights
from .preprocessing import Preprocessing
from .reading import read_checkpoint
from .report import Fate, LoadReport, Outcome

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
    'export',
    'find_public_weights',
    'fit',
    'load_weights',
    'markdown_table',
    'read_checkpoint',
    'read_class_map',
    'recognise',
]
