"""A detector with an exported file in place of the checkpoint."""

import io
import json
import zipfile

import numpy as np
import pytest
from mmengine.config import Config

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Scored
from mmaction_timesformer.inference.exporting.metadata import ExportMetadata
from tests.detection.signal_videos import every, write_video
from tests.inference.exporting.conftest import CLASSES


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp('videos') / 'yard.mp4'
    return write_video(path, every(25, 6.0), [(1.0, 3.0)], [(2.0, 4.0)])


def between_scores(config, checkpoint, video):
    """A config in which a random model finds events: no score lies near its thresholds."""
    records = DangerDetector.from_config(config, checkpoint).watch([Source('yard', str(video))])
    scores = np.array([record.window.scores for record in records if isinstance(record, Scored)])
    danger = int(scores[:, :3].std(axis=0).argmax())
    ranked = np.sort(scores[:, danger])
    middle = slice(len(ranked) // 4, -len(ranked) // 4)
    gap = int(np.diff(ranked[middle]).argmax()) + middle.start
    low, high = ranked[gap], ranked[gap + 1]
    assert high - low > 1e-4
    enter, leave = (low + 2 * high) / 3, (2 * low + high) / 3
    rules = dict(enter=float(enter), leave=float(leave), smoothing='none')
    rules |= dict(min_seconds=0.0, merge_gap_seconds=0.0, cooldown_seconds=0.0)
    config = Config(config.to_dict())
    config.detection = dict(config.detection, rules=rules, dangers=[CLASSES[danger]])
    return config


def test_events_are_those_of_the_checkpoint(exported, video):
    config, checkpoint, file = exported()
    config = between_scores(config, checkpoint, video)
    expected = DangerDetector.from_config(config, checkpoint).detect(video)
    found = DangerDetector.from_config(config, file).detect(video)
    assert len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        assert one.label == other.label
        assert one.start_seconds == other.start_seconds
        assert one.end_seconds == other.end_seconds
        assert one.peak_score == pytest.approx(other.peak_score, abs=1e-5)
        # The same weights, and yet another model.
        assert one.model.split('-')[0] == other.model.split('-')[0]
        assert one.model != other.model


def test_a_config_with_other_clips_is_refused(exported):
    config, _, file = exported()
    config = Config(config.to_dict())
    config.val_pipeline[1]['frame_interval'] = 16
    with pytest.raises(ValueError, match='frame_interval=8'):
        DangerDetector.from_config(config, file)


def test_compiled_code_runs_only_where_it_is_trusted(exported, tmp_path):
    config, _, _ = exported()
    metadata = ExportMetadata(CLASSES, 4, 8, None, (32, 32), (), False, 1.0, 'digest', device='cpu')
    package = tmp_path / 'model.pt2'
    with zipfile.ZipFile(package, 'w') as archive:
        archive.writestr('model/data/wrapper_metadata.json', json.dumps(metadata.to_strings()))
    with pytest.raises(ValueError, match='--trust-compiled'):
        DangerDetector.from_config(config, package)
    strange = io.BytesIO()
    with zipfile.ZipFile(strange, 'w') as archive:
        archive.writestr('model/data/wrapper_metadata.json', '{}')
    package.write_bytes(strange.getvalue())
    with pytest.raises(ValueError, match='was not written by'):
        DangerDetector.from_config(config, package, trust_compiled=True)
