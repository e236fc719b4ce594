"""The site of `make demo`, with days that its model has never seen."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mmengine.config import Config

from benchmarks.learning.watching import Day, watch
from demo_yard.rendering.recordings import render_recordings
from mmaction_timesformer.engine.launch import TrainingOptions, run_training
from mmaction_timesformer.learning.corrections import Corrections, read_corrections
from mmaction_timesformer.learning.lineage import Lineage
from mmaction_timesformer.learning.steps import start
from mmaction_timesformer.models.checkpoints import find_checkpoint

SITE_SEED = 0
MINUTES = 30.0
"""Of a day."""
CONFIG = (
    Path(__file__).parents[2]
    / 'configs/railway_yard/closedform_timesformer-divST-demo_1xb8-u8-1e_railway-yard-demo-rgb.py'
)


@dataclass(frozen=True)
class Yard:
    """The site, and the demo's TimeSformer with a closed-form head, fitted to the same clips.

    Attributes:
        demo: The folder of `make demo`.
        folder: Where everything else goes.
    """

    demo: Path
    folder: Path
    MODEL: ClassVar[str] = "the demo's TimeSformer with a closed-form head"

    @property
    def clips(self) -> Path:
        """The clips that the model was trained on and validated with."""
        return self.demo / f'data_seed{SITE_SEED}'

    def model(self) -> tuple[Path, Path]:
        """Config and checkpoint; the head is fitted if that was not done before."""
        file, work_dir = self.folder / 'config.py', self.folder / 'run'
        if not (work_dir / 'last_checkpoint').is_file():
            config = Config.fromfile(CONFIG)
            config.load_from = str(find_checkpoint(self.demo / 'training').resolve())
            for split in ('train', 'val', 'test'):
                config[f'{split}_dataloader'].update(num_workers=0, persistent_workers=False)
                dataset = config[f'{split}_dataloader'].dataset
                dataset.data_root = str(self.clips.resolve())
            self.folder.mkdir(parents=True, exist_ok=True)
            config.dump(str(file))
            run_training(str(file), TrainingOptions(str(work_dir), no_validate=True, seed=0))
        return file, find_checkpoint(work_dir)

    def lineage(self) -> Lineage:
        """A fresh lineage, whose exam are the validation and test clips; features stay."""
        folder = self.folder / 'lineage'
        for name in ('log.jsonl', 'current', 'exam.csv'):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(folder / 'models', ignore_errors=True)
        parts = [
            read_corrections(self.clips / f'{name}.csv', (), self.clips / 'videos')
            for name in ('val', 'test')
        ]
        if parts[0].classes != parts[1].classes:
            raise ValueError('validation and test have other classes')
        exam = Corrections.of([*parts[0].clips, *parts[1].clips], parts[0].classes)
        return start(folder, self.model()[1], exam, by='benchmark')

    def watched(self, seed: int) -> Day:
        """A day of this seed, rendered and watched if that was not done before."""
        recordings = render_recordings(self.folder / f'day{seed}', seed, SITE_SEED, MINUTES)
        return watch(*self.model(), recordings, self.folder / f'watched{seed}')


class TrainedYard(Yard):
    """The site, and the demo's model as it is."""

    MODEL = "the demo's TimeSformer"

    def model(self) -> tuple[Path, Path]:
        """Config and checkpoint of `make demo`."""
        training = self.demo / 'training'
        (config,) = training.glob('*.py')
        return config, find_checkpoint(training)
