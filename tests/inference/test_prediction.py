"""A model and its predictions in a line each, beside mmaction2's own calls and the test's dump."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.apis import inference_recognizer, init_recognizer
from mmengine.config import Config
from mmengine.fileio import load
from PIL import Image

from mmaction_timesformer import TrainedModel, build_model, predict
from tests.tiny_run import CLASSES


@pytest.fixture(scope='module')
def config(tiny_run: Path) -> Path:
    return tiny_run.parent / 'config.py'


@pytest.fixture(scope='module')
def checkpoint(tiny_run: Path) -> Path:
    (best,) = tiny_run.glob('best_*.pth')
    return best


@pytest.fixture(scope='module')
def dumped(tiny_run: Path) -> tuple[str, list[float]]:
    """A test video, and the probabilities that the run's own test gave it."""
    sample = load(tiny_run / 'test.pkl')[0]
    return sample['filename'], sample['pred_score'].tolist()


def test_predictions_are_those_of_the_test_run(
    checkpoint: Path, dumped: tuple[str, list[float]]
) -> None:
    video, expected = dumped
    scores = predict(video, checkpoint)
    assert [scores[name] for name in CLASSES] == pytest.approx(expected, abs=1e-6)
    assert list(scores.values()) == sorted(scores.values(), reverse=True)


def test_a_config_beside_the_checkpoint_says_how(
    config: Path, checkpoint: Path, dumped: tuple[str, list[float]]
) -> None:
    """Its pipeline is the one that runs: one view in place of three."""
    video, of_three_views = dumped
    changed = Config.fromfile(config)
    changed.test_dataloader.dataset.pipeline = changed.val_pipeline
    scores = predict(video, checkpoint, changed)
    assert [scores[name] for name in CLASSES] != pytest.approx(of_three_views, abs=1e-6)
    assert predict(video, checkpoint, config) == predict(video, checkpoint)


def test_a_part_of_a_video(checkpoint: Path, dumped: tuple[str, list[float]]) -> None:
    trained = TrainedModel.load(None, checkpoint)
    whole, part = (trained.predict(dumped[0], end_seconds=end) for end in (None, 0.7))
    assert whole.keys() == part.keys()
    assert whole != part


def test_mmaction2_predicts_the_same(
    config: Path, checkpoint: Path, dumped: tuple[str, list[float]]
) -> None:
    video, expected = dumped
    model = init_recognizer(str(config), str(checkpoint), device='cpu')
    sample = inference_recognizer(model, video)
    assert sample.pred_score.tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize('sources', [['checkpoint'], ['config', 'checkpoint']])
def test_models_are_built_from_files(
    config: Path, checkpoint: Path, sources: list[str], request: pytest.FixtureRequest
) -> None:
    model = build_model(*(request.getfixturevalue(name) for name in sources))
    weights = torch.load(checkpoint, weights_only=True)['state_dict']
    assert not model.training
    assert model.state_dict().keys() == weights.keys()
    assert all(torch.equal(model.state_dict()[name], weights[name]) for name in weights)


def test_a_config_alone_gives_the_start_of_training(config: Path) -> None:
    torch.manual_seed(0)
    first = build_model(str(config))
    torch.manual_seed(0)
    second = build_model(Config.fromfile(config))
    weights = first.cls_head.fc_cls.weight
    # Truncated normal with the head's init_std, not torch's own start of a linear layer.
    assert weights.std().item() == pytest.approx(0.02, rel=0.2)
    assert torch.equal(weights, second.cls_head.fc_cls.weight)


def test_a_checkpoint_runs_no_code(
    checkpoint: Path, tmp_path: Path, dumped: tuple[str, list[float]]
) -> None:
    content = torch.load(checkpoint, weights_only=True)
    text = content['meta']['cfg']
    trap = tmp_path / 'ran'
    for changed, problem in [
        (f'{text}\nopen({str(trap)!r}, "w")\n', 'not an assignment'),
        (f'{text}\nx = open({str(trap)!r}, "w")\n', 'not a plain value'),
        (f'{text}\nmodel = dict(type="pathlib.Path")\n', 'a name with dots'),
        (f'{text}\nx = (\n', 'not Python'),
    ]:
        file = tmp_path / 'changed.pth'
        torch.save(content | dict(meta=content['meta'] | dict(cfg=changed)), file)
        with pytest.raises(ValueError, match=rf'changed\.pth: .*{problem}.*give the config file'):
            predict(dumped[0], file)
    assert not trap.exists()


def test_missing_files_are_named(checkpoint: Path, config: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='no such video'):
        predict(tmp_path / 'absent.mp4', checkpoint)
    with pytest.raises(FileNotFoundError, match=r'absent\.py: no such config'):
        build_model(tmp_path / 'absent.py')
    with pytest.raises(ValueError, match='is not a config'):
        build_model(checkpoint, checkpoint)
    weights = tmp_path / 'weights.pth'
    torch.save(torch.load(checkpoint, weights_only=True)['state_dict'], weights)
    with pytest.raises(ValueError, match='holds no config'):
        build_model(weights)
    assert build_model(config, weights).cls_head.num_classes == len(CLASSES)


def test_a_folder_of_frames(checkpoint: Path, config: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for number in range(1, 13):
        picture = generator.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(picture).save(tmp_path / f'img_{number:05}.jpg')
    changed = Config.fromfile(config)
    changed.test_dataloader.dataset.pipeline[0:3] = [
        dict(type='SampleFrames', clip_len=4, frame_interval=3, num_clips=1, test_mode=True),
        dict(type='RawFrameDecode'),
    ]
    changed.test_pipeline = changed.test_dataloader.dataset.pipeline
    model = init_recognizer(changed, str(checkpoint), device='cpu')
    facts = dict(frame_dir=str(tmp_path), total_frames=12, filename_tmpl='img_{:05}.jpg')
    info = dict(facts, start_index=1, modality='RGB', label=-1)
    expected = inference_recognizer(model, info).pred_score.tolist()
    scores = predict(tmp_path, checkpoint, changed)
    assert [scores[name] for name in CLASSES] == pytest.approx(expected, abs=1e-6)
