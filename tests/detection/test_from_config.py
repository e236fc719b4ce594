"""A detector out of a config and a checkpoint, against mmaction2's test run of the same clip."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmaction_timesformer.detection.command import DetectArguments, detect_command
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Scored
from mmaction_timesformer.inference import recognizer
from mmaction_timesformer.inference.preparation import split_pipeline
from mmaction_timesformer.registry import MODELS, TRANSFORMS
from tests.detection.signal_videos import every, write_video

CLASSES = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')
STEPS = [
    dict(type='OpenVideo'),
    dict(type='SampleClip', clip_len=4, frame_interval=8, out_of_bound='shrink_interval'),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 24)),
    dict(type='ThreeCrop', crop_size=24),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]


@pytest.fixture
def config():
    return Config(
        dict(
            default_scope='mmaction',
            model=dict(
                type='Recognizer3D',
                backbone=dict(
                    type='TimeSformerBackbone',
                    num_frames=4,
                    img_size=24,
                    patch_size=8,
                    embed_dims=16,
                    num_heads=2,
                    num_transformer_layers=2,
                    pretrained='not/there.pth',
                ),
                cls_head=dict(
                    type='TimeSformerClsHead', num_classes=4, in_channels=16, init_std=1.0
                ),
                data_preprocessor=dict(
                    type='ActionDataPreprocessor',
                    mean=[127.5, 120.0, 110.0],
                    std=[127.5, 100.0, 90.0],
                    format_shape='NCTHW',
                ),
            ),
            val_pipeline=[*STEPS[:4], dict(type='CenterCrop', crop_size=24), *STEPS[5:]],
            test_pipeline=STEPS,
            test_dataloader=dict(dataset=dict(type='RailwayYardDataset')),
            detection=dict(hop_seconds=0.64, dtype='float32', rules=dict(enter=0.7)),
        )
    )


def build(config):
    description = config.model.to_dict()
    description['backbone']['pretrained'] = None
    return MODELS.build(description).eval()


@pytest.fixture
def model(config):
    torch.manual_seed(0)
    return build(config)


@pytest.fixture
def checkpoint(model, tmp_path):
    path = tmp_path / 'tiny.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, path)
    return path


@pytest.fixture
def model_files(config, tmp_path):
    """A config and random weights, as files."""
    config.model.backbone.pretrained = None
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(config.model).state_dict()}, tmp_path / 'model.pth')
    config.dump(tmp_path / 'config.py')
    return str(tmp_path / 'config.py'), str(tmp_path / 'model.pth')


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp('videos') / 'yard.mp4'
    return write_video(path, every(25, 5.0), [(1.0, 3.0)], [(2.0, 4.0)])


def scores_of(detector, video):
    records = detector.watch([Source('yard', str(video))])
    return [record.window.scores for record in records if isinstance(record, Scored)]


def test_a_cpu_takes_large_clips_in_parts(config, checkpoint, monkeypatch):
    score = DangerDetector.from_config(config, checkpoint).score
    clips = torch.randn(5, 3, 4, 24, 24)
    whole = score(clips)
    score_some, sizes = score._score, []

    def score_and_note(some):
        sizes.append(len(some))
        return score_some(some)

    monkeypatch.setattr(score, '_score', score_and_note)
    for numbers, parts in ((1, [1] * 5), (2 * clips[0].numel(), [2, 2, 1])):
        monkeypatch.setattr(recognizer, '_NUMBERS_AT_ONCE', numbers)
        sizes.clear()
        torch.testing.assert_close(score(clips), whole, rtol=0, atol=1e-6)
        assert sizes == parts


PREPROCESSORS = {
    'frame by frame': dict(),
    'BGR': dict(to_rgb=True),
    'whole clips': dict(type='ClipMeanPreprocessor'),
}


@MODELS.register_module()
class ClipMeanPreprocessor(ActionDataPreprocessor):
    """Takes away what does not move, for which it must see the whole clip."""

    def preprocess(self, inputs, data_samples, training=False):
        batch = torch.stack(list(inputs)).float()
        return (batch - batch.mean(dim=3, keepdim=True)) / 50, data_samples


@pytest.mark.parametrize(
    ('pipeline', 'preprocessor'),
    [
        ('val_pipeline', 'frame by frame'),
        ('test_pipeline', 'frame by frame'),
        ('val_pipeline', 'BGR'),
        ('test_pipeline', 'whole clips'),
    ],
)
def test_scores_are_those_of_mmaction2_on_the_same_frames(
    config, checkpoint, video, pipeline, preprocessor
):
    config.merge_from_dict({'model': dict(data_preprocessor=PREPROCESSORS[preprocessor])})
    model = build(config)
    model.load_state_dict(torch.load(checkpoint, weights_only=True)['state_dict'])
    detector = DangerDetector.from_config(config, checkpoint, overrides={'pipeline': pipeline})
    assert detector.settings.windows.span_seconds == pytest.approx(4 * 8 / 25)
    scores = scores_of(detector, video)
    for window in (0, 2, 5):
        results = dict(filename=str(video), start_index=0, label=0, modality='RGB')
        results = TRANSFORMS.build(STEPS[0])(results)
        results.update(
            frame_inds=np.arange(4) * 8 + window * 16, clip_len=4, num_clips=1, frame_interval=8
        )
        for step in config[pipeline][2:]:
            results = TRANSFORMS.build(step)(results)
        (sample,) = model.test_step(pseudo_collate([results]))
        assert scores[window] == pytest.approx(sample.pred_score.tolist(), abs=2e-6)


def test_temperature_comes_from_the_checkpoint_or_the_config(config, model, checkpoint, video):
    plain = np.array(scores_of(DangerDetector.from_config(config, checkpoint), video))
    model.cls_head.temperature.set(2.0)
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, checkpoint)
    stored = np.array(scores_of(DangerDetector.from_config(config, checkpoint), video))
    expected = np.sqrt(plain) / np.sqrt(plain).sum(axis=1, keepdims=True)
    assert stored == pytest.approx(expected, abs=1e-5)
    config.detection.temperature = 1.0
    set_back = np.array(scores_of(DangerDetector.from_config(config, checkpoint), video))
    assert set_back == pytest.approx(plain, abs=1e-6)


def test_rules_and_classes(config, checkpoint):
    detector = DangerDetector.from_config(config, checkpoint)
    assert detector.classes == CLASSES
    assert list(detector.rules) == list(CLASSES[:3])
    assert detector.rules['Cabin-Worker'].enter == 0.7
    config.detection.dangers = {'Cabin-Worker': dict(enter=0.9)}
    changed = DangerDetector.from_config(config, checkpoint)
    assert changed.rules['Cabin-Worker'].enter == 0.9
    assert changed.fingerprint != detector.fingerprint
    assert changed.fingerprint.split('-')[0] == detector.fingerprint.split('-')[0]


def test_bfloat16_gives_nearly_the_same(config, checkpoint, video):
    exact = scores_of(DangerDetector.from_config(config, checkpoint), video)
    config.detection.dtype = 'bfloat16'
    rounded = scores_of(DangerDetector.from_config(config, checkpoint), video)
    assert np.abs(np.array(exact) - np.array(rounded)).max() < 0.05


def test_a_config_without_a_detection_part_has_defaults(config, checkpoint):
    config.pop('detection')
    detector = DangerDetector.from_config(config, checkpoint)
    assert detector.settings.windows.hop_seconds == pytest.approx(1.28 / 8)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'detection.hop': 1.0}, "unknown keys \\['hop'\\]"),
        ({'detection.dtype': 'int8'}, 'int8'),
        ({'val_pipeline': [*STEPS[:3], dict(type='Nope'), *STEPS[5:]]}, 'Nope'),
        ({'detection.pipeline': 'tta_pipeline'}, 'tta_pipeline'),
        ({'detection.hop_seconds': 0}, 'hop_seconds'),
        ({'detection.dangers': ['Other']}, 'never an event'),
        ({'model.type': 'Recognizer2D'}, 'Recognizer2D'),
        ({'model.backbone.embed_dims': 32}, 'embed_dims'),
        ({'model.cls_head.hidden_dims': 8}, 'does not fit'),
        ({'test_dataloader': dict(_delete_=True)}, 'names the classes'),
    ],
)
def test_what_does_not_fit_is_said(config, checkpoint, change, message):
    if 'test_dataloader' in change:
        config.pop('test_dataloader')
    else:
        config.merge_from_dict(change)
    with pytest.raises(ValueError, match=message):
        DangerDetector.from_config(config, checkpoint)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'device': 'gpu0'}, 'gpu0'),
        ({'device': 'cuda:99'}, 'cuda:99'),
        ({'cfg_options': {'detection': 3}}, 'detection=3'),
        ({'cfg_options': {'detection.hop_seconds': 'abc'}}, "hop_seconds='abc'"),
        ({'cfg_options': {'detection.batch_size': 2.5}}, 'batch_size=2.5'),
        ({'cfg_options': {'detection.max_retries': True}}, 'max_retries=True'),
        ({'cfg_options': {'detection.dtype': 3}}, 'dtype=3'),
        ({'cfg_options': {'detection.rules': 3}}, 'rules=3'),
        ({'cfg_options': {'detection.rules.enter': 'abc'}}, 'rule of Track-Excavator'),
        ({'cfg_options': {'detection.dangers': 3}}, 'dangers=3'),
        ({'cfg_options': {'detection.dangers': [3]}}, 'dangers=[3]'),
        ({'cfg_options': {'detection.dangers': 'Cabin'}}, "dangers names ['Cabin']"),
        ({'cfg_options': {'detection.dangers': {'Cabin-Worker': 0.5}}}, 'dangers={'),
        ({'cfg_options': {'model.backbone.type': 'Nope'}}, 'Nope'),
        ({'cfg_options': {'model.backbone.nope': 1}}, 'nope'),
        ({'config': 'x = undefined_name'}, 'NameError'),
        ({'config': 'x = dict('}, 'SyntaxError'),
        ({'config': 'x = 1'}, 'val_pipeline'),
        ({'checkpoint': 'nonsense'}, 'damaged'),
        ({'events.jsonl': '{"a": 1}\n'}, 'events.jsonl, line 1'),
        ({'run.json': ''}, 'run.json'),
    ],
)
def test_the_command_says_what_is_wrong_in_one_line(
    model_files, video, tmp_path, capsys, changes, message
):
    arguments = dict(zip(('config', 'checkpoint'), model_files, strict=True))
    out = tmp_path / 'out'
    out.mkdir()
    for name, content in changes.items():
        if name in arguments:
            Path(arguments[name]).write_text(content)
        elif '.' in name:
            (out / name).write_text(content)
        else:
            arguments[name] = content
    assert detect_command(DetectArguments(**arguments, sources=[str(video)], out=str(out))) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('error: ')
    assert message in line


def test_the_command_tells_people_how_a_stream_is_doing(model_files, video, tmp_path, capsys):
    live, json = ({'pace': 50.0, 'json': is_json} for is_json in (False, True))
    for number, options in enumerate((live, json, {})):
        arguments = (*model_files, [str(video)], str(tmp_path / str(number)))
        assert detect_command(DetectArguments(*arguments, **options)) == 0
        heartbeats = f'{video}: at ' in capsys.readouterr().err
        assert heartbeats == (options is live)


def test_missing_files_are_named(config, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'missing\.pth'):
        DangerDetector.from_config(config, tmp_path / 'missing.pth')
    with pytest.raises(FileNotFoundError, match=r'missing\.py'):
        DangerDetector.from_config(tmp_path / 'missing.py', tmp_path / 'missing.pth')


def test_a_decoder_that_scales_is_a_step_of_its_own():
    pipeline = [*STEPS[:2], dict(type='DecodeFrames', short_side=48), *STEPS[3:]]
    parts = split_pipeline(pipeline)
    assert parts.num_frames == 4
    assert parts.frame_interval == 8
    assert parts.picture_steps == (dict(type='Resize', scale=(-1, 48)), *STEPS[3:5])


@pytest.mark.parametrize('pipeline', [STEPS[2:], STEPS[:2], [*STEPS, STEPS[3]]])
def test_pipelines_that_show_no_frames_are_refused(pipeline):
    with pytest.raises(ValueError, match='pipeline'):
        split_pipeline(pipeline)
