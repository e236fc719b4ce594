"""Features of whole recordings: of stream models and clip models, and runs that go on."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmaction_timesformer.datasets.untrimmed_features import VideoFeatures
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.feature_extraction import FeatureExtractor, extract_all
from mmaction_timesformer.detection.online_training_command import (
    BackboneArguments,
    HeadArguments,
    train_backbone_command,
    train_head_command,
)
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Scored
from mmaction_timesformer.inference.online_model import build_online
from mmaction_timesformer.registry import MODELS
from tests.detection.signal_videos import every, write_video
from tests.warm_python import loaded_python

SIZE = 32
BACKBONE = dict(
    type='TimeSformerBackbone',
    img_size=SIZE,
    patch_size=16,
    embed_dims=16,
    num_heads=2,
    num_transformer_layers=2,
)
CLASSES = ('Digging', 'Walking', 'Other')


def pipeline(clip_len: int) -> list[dict]:
    return [
        dict(type='OpenVideo'),
        dict(type='SampleClip', clip_len=clip_len, span_seconds=0.25 * clip_len),
        dict(type='DecodeFrames'),
        dict(type='Resize', scale=(SIZE, SIZE), keep_ratio=False),
        dict(type='FormatShape', input_format='NCTHW'),
    ]


ONLINE = dict(
    classes=CLASSES,
    model=dict(
        type='OnlineRecognizer',
        backbone={
            **BACKBONE,
            'attention_type': dict(type='causal_divided_space_time', window=3, frame_seconds=0.25),
        },
        head=dict(
            type='RecurrentActionHead',
            num_classes=3,
            frame_seconds=0.25,
            hidden_dims=16,
            dropout_ratio=0.0,
            horizons=(1.0,),
        ),
    ),
    val_pipeline=pipeline(1),
    detection=dict(dtype='float32'),
)
CLIPS = dict(
    model=dict(
        type='Recognizer3D',
        backbone={**BACKBONE, 'num_frames': 4},
        cls_head=dict(type='TimeSformerClsHead', num_classes=3, in_channels=16),
        data_preprocessor=dict(
            type='ActionDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3,
            format_shape='NCTHW',
        ),
    ),
    val_pipeline=pipeline(4),
    detection=dict(dtype='float32', hop_seconds=0.5),
)  # fmt: skip


@pytest.fixture(scope='module')
def yard(tmp_path_factory):
    folder = tmp_path_factory.mktemp('recordings')
    spans = [[(2.0, 6.0)], [(8.0, 12.0)], [(5.0, 7.0), (11.0, 14.0)]]
    truth = {}
    for number, digging in enumerate(spans):
        walking = [(end + 1, end + 2.5) for _, end in digging[:1]]
        write_video(folder / f'{number}.mp4', every(8, 16.0), digging, walking)
        events = [
            dict(label=label, start_seconds=start, end_seconds=end)
            for label, some in (('Digging', digging), ('Walking', walking))
            for start, end in some
        ]
        truth[f'{number}.mp4'] = dict(duration_seconds=16.0, events=events)
    (folder / 'events.json').write_text(json.dumps(truth))
    return folder


@pytest.fixture(scope='module')
def backbone(tmp_path_factory):
    """A checkpoint of a clip model, from which a stream model starts."""
    torch.manual_seed(0)
    init_default_scope('mmaction')
    model = MODELS.build(Config(CLIPS).model)
    file = tmp_path_factory.mktemp('checkpoints') / 'clips.pth'
    torch.save({'state_dict': model.state_dict()}, file)
    return file


def test_a_clip_model_has_the_feature_of_the_window_that_ends_there(yard, backbone):
    extractor = FeatureExtractor.from_config(Config(CLIPS), backbone)
    video = extractor.extract(Source('0', str(yard / '0.mp4')))
    # Four frames 0.25 s apart end at 0.75 s, then a hop later.
    assert video.seconds[:3] == pytest.approx([0.75, 1.25, 1.75])
    assert video.features.shape[1] == 16
    # The colour changes at 2 s: windows that end before see nothing of it.
    same = np.abs(video.features - video.features[0]).max(axis=1) < 0.05
    assert same[:3].all()
    assert not same[3:7].any()


def test_a_stream_model_has_a_feature_a_frame(yard, backbone):
    extractor = FeatureExtractor.from_config(Config(ONLINE), backbone)
    video = extractor.extract(Source('0', str(yard / '0.mp4')))
    assert video.seconds == pytest.approx(np.arange(64) * 0.25)
    with pytest.raises(ValueError, match=r'made for frames 0.25 s apart; leave it out'):
        FeatureExtractor.from_config(Config(ONLINE), backbone, step_seconds=1.0)


def test_a_run_goes_on_and_never_mixes_models(yard, backbone, tmp_path):
    sources = [Source(name, str(yard / name)) for name in ('0.mp4', '1.mp4')]
    extractor = FeatureExtractor.from_config(Config(ONLINE), backbone)
    extract_all(extractor, sources[:1], tmp_path)
    before = (tmp_path / '0.mp4.npz').stat().st_mtime_ns
    files = extract_all(extractor, sources, tmp_path)
    assert [file.name for file in files] == ['0.mp4.npz', '1.mp4.npz']
    assert files[0].stat().st_mtime_ns == before
    other = FeatureExtractor.from_config(Config(CLIPS), backbone)
    with pytest.raises(ValueError, match=r'0.mp4.npz was made by .*; name another folder'):
        extract_all(other, sources, tmp_path)


def test_a_backbone_learns_from_recordings(yard, tmp_path, capsys):
    config = tmp_path / 'online.py'
    Config(ONLINE).dump(config)
    out = tmp_path / 'backbone.pth'
    train_backbone_command(
        BackboneArguments(
            str(config), str(yard), str(yard / 'events.json'), str(out), hidden_steps=25, steps=50
        )
    )
    losses = [float(line.rpartition(' ')[2]) for line in capsys.readouterr().out.splitlines()]
    assert len(losses) == 3
    assert losses[2] < 0.7 * losses[1]
    names = set(torch.load(out)['state_dict'])
    model = build_online(Config(ONLINE))
    assert names == {name for name in model.state_dict() if name.startswith('backbone.')}


def test_a_trained_head_detects_as_it_was_measured(yard, backbone, tmp_path):
    """From recordings to events by the commands alone; scores equal those of cached features."""
    config = tmp_path / 'online.py'
    Config(ONLINE).dump(config)
    sources = [Source(f'{number}.mp4', str(yard / f'{number}.mp4')) for number in range(3)]
    extractor = FeatureExtractor.from_config(Config(ONLINE), backbone)
    extract_all(extractor, sources, tmp_path / 'features')
    features, truth = str(tmp_path / 'features'), str(yard / 'events.json')
    train_head_command(
        HeadArguments(
            str(config), str(backbone), features, truth, str(tmp_path / 'run'), features, truth,
            steps=150, max_frames=48,
        )
    )  # fmt: skip
    metrics = json.loads((tmp_path / 'run' / 'metrics.json').read_text())
    assert metrics['mean_ap']['value'] > 0.9 > 3 * metrics['chance']

    detector = DangerDetector.from_config(str(config), tmp_path / 'run' / 'model.pth')
    scored = [
        update.window.scores for update in detector.watch(sources[:1]) if isinstance(update, Scored)
    ]
    model = build_online(Config(ONLINE))
    model.load_state_dict(torch.load(tmp_path / 'run' / 'model.pth')['state_dict'])
    features = VideoFeatures.read(tmp_path / 'features' / '0.mp4.npz').features
    with torch.inference_mode():
        logits = model.eval().head(torch.from_numpy(features)[None])[0]
    expected = logits.sigmoid().flatten(1)
    torch.testing.assert_close(torch.tensor(scored), expected, rtol=0, atol=1e-4)


def test_wrong_input_is_one_line_and_status_2(root, tmp_path):
    config = tmp_path / 'online.py'
    Config(ONLINE).dump(config)
    tool = [loaded_python(), root / 'tools' / 'train_online.py', config, 'no.pth', 'f', 't']
    process = subprocess.run([*tool, '--out', tmp_path], capture_output=True, text=True, cwd=root)
    assert process.returncode == 2
    assert process.stderr.splitlines()[-1].startswith('error: ')
    assert 'no.pth' in process.stderr.splitlines()[-1]
