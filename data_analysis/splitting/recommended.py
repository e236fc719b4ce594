"""The config that a folder of clips would be prepared with, as a text for the report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from data_analysis.inputs.datasets import DatasetInput
from data_analysis.splitting.detection import detection_of, guess_dangers
from data_analysis.splitting.presets import PRESETS, choose_preset
from data_analysis.splitting.ready_config import ReadyConfig, ready_text

OUT = Path('data', 'mine')
"""The folder that the text is for."""
_SPLITS = ('train', 'val', 'test')
_FEWEST_CLASSES = 2


def recommended_config(dataset: DatasetInput, clips: pd.DataFrame) -> dict[str, str] | None:
    """The config that ``tools/prepare_dataset.py FOLDER --out data/mine`` would write here.

    Args:
        dataset: What was analysed.
        clips: The measured clips.

    Returns:
        The recipe in words and the config; None for what is divided already, has no two classes or
        a name that no config may hold, and where the configs of this project are not beside it.
    """
    is_whole = dataset.source['kind'] == 'folder' and not (clips['split'] != '').any()
    preset = PRESETS[choose_preset()]
    base = next((base for base in _places(preset.config) if base.is_file()), None)
    if not is_whole or base is None or len(dataset.classes) < _FEWEST_CLASSES:
        return None
    readable = clips[clips['status'] == 'ok']
    home = base.parents[2]
    suffix = '.csv' if (clips['recording'] != '').any() else '.txt'
    detection = detection_of(readable, base, guess_dangers(dataset.classes))
    ready = ReadyConfig(
        base=base,
        videos=dataset.source['root'],
        classes=dataset.classes,
        lists={split: f'{split}{suffix}' for split in _SPLITS},
        multi_label=dataset.multi_label,
        settings={'work_dir': f'work_dirs/{OUT.name}', **preset.settings, 'detection': detection},
        home=home,
    )
    try:
        text = ready_text(home / OUT / 'config.py', ready)
    except ValueError:  # a finding says so
        return None
    return {'recipe': preset.what, 'text': text}


def _places(config: str) -> tuple[Path, Path]:
    """Where a config may be: in a checkout, and in an installed wheel."""
    root = Path(__file__).resolve().parents[2]
    return root / 'configs' / config, root / 'mmaction_timesformer' / '.mim' / 'configs' / config
