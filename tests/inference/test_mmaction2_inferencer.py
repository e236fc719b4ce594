"""mmaction2's inferencers on a config and a checkpoint of this project.

They replace the steps whose names hold ``Init`` or ``Decode`` and take one view in place of three.
"""

from pathlib import Path

import numpy as np
import pytest
from mmaction.apis import MMAction2Inferencer
from mmaction.apis.inferencers import ActionRecogInferencer
from mmengine.config import Config
from PIL import Image

from mmaction_timesformer import predict
from tests.tiny_run import CLASSES
from video_clips.reading.video import open_video

TEMPLATE = 'img_{:05}.png'


@pytest.fixture(scope='module')
def files(tiny_run: Path) -> tuple[str, str]:
    """A config and its checkpoint."""
    (checkpoint,) = tiny_run.glob('best_*.pth')
    return str(tiny_run.parent / 'config.py'), str(checkpoint)


@pytest.fixture(scope='module')
def video(tiny_run: Path) -> str:
    return str(next((tiny_run.parent / 'data' / 'videos' / CLASSES[1]).glob('*.mp4')))


@pytest.fixture(scope='module')
def expected(files: tuple[str, str], video: str) -> list[float]:
    """Of the one view that the validation pipeline takes."""
    config = Config.fromfile(files[0])
    config.test_dataloader.dataset.pipeline = config.val_pipeline
    scores = predict(video, files[1], config)
    return [scores[name] for name in CLASSES]


@pytest.mark.parametrize('input_format', ['video', 'array', 'rawframes'])
def test_every_input_format(
    input_format: str,
    files: tuple[str, str],
    video: str,
    expected: list[float],
    tmp_path: Path,
) -> None:
    reader = open_video(video)
    pictures = [picture for _, picture in reader.pictures(np.arange(len(reader.seconds)))]
    for number, picture in enumerate(pictures, start=1):
        Image.fromarray(picture).save(tmp_path / TEMPLATE.format(number))
    pack_cfg = dict(filename_tmpl=TEMPLATE) if input_format == 'rawframes' else {}
    inferencer = ActionRecogInferencer(
        *files, device='cpu', input_format=input_format, pack_cfg=pack_cfg
    )
    given = {'video': video, 'array': np.stack(pictures), 'rawframes': str(tmp_path)}
    (prediction,) = inferencer(given[input_format])['predictions']
    assert prediction['pred_scores'] == pytest.approx(expected, abs=1e-5)


def test_the_inferencer_of_all_tasks(
    files: tuple[str, str], video: str, expected: list[float]
) -> None:
    inferencer = MMAction2Inferencer(rec=files[0], rec_weights=files[1], device='cpu')
    (prediction,) = inferencer(video)['predictions']
    assert prediction['rec_scores'][0] == pytest.approx(expected, abs=1e-5)
