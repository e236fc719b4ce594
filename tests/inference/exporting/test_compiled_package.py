"""A package of compiled code; compiling takes longer than everything else."""

import pytest

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.inference.exporting.compiled_package import read_strings
from mmaction_timesformer.inference.exporting.export import export
from mmaction_timesformer.inference.exporting.metadata import ExportMetadata
from tests.detection.signal_videos import every, write_video
from tests.inference.exporting.conftest import CLASSES, make_checkpoint, make_config
from tests.inference.exporting.test_detecting_exported import between_scores


@pytest.mark.slow
def test_a_package_finds_the_events_of_the_checkpoint(tmp_path):
    config = make_config('joint_space_time')
    config.model.backbone.num_transformer_layers = 1  # each is compiled anew
    checkpoint = make_checkpoint(config, tmp_path / 'tiny.pth')
    package = tmp_path / 'out' / 'model.pt2'
    export(config, checkpoint, package)
    assert [path.name for path in package.parent.iterdir()] == ['model.pt2']
    assert ExportMetadata.from_strings(read_strings(package), package).classes == CLASSES
    video = write_video(tmp_path / 'yard.mp4', every(25, 4.0), [(1.0, 3.0)], [(2.0, 3.0)])
    config = between_scores(config, checkpoint, video)
    expected = DangerDetector.from_config(config, checkpoint).detect(video)
    detector = DangerDetector.from_config(config, package, trust_compiled=True)
    found = detector.detect(video)
    assert len(expected) > 0
    spans = [(event.label, event.start_seconds, event.end_seconds) for event in expected]
    assert [(event.label, event.start_seconds, event.end_seconds) for event in found] == spans
