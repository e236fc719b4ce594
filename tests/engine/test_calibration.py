"""A checkpoint is given the temperature of its validation clips."""

import pytest
import torch

from mmaction_timesformer.engine.calibration import calibrate
from mmaction_timesformer.models.checkpoints import read_checkpoint


def test_the_temperature_does_not_depend_on_the_one_before(tiny_run, tmp_path):
    (best,) = tiny_run.glob('best_*.pth')
    before = read_checkpoint(best)
    trained = before['meta']['temperature']
    config = tiny_run.parent / 'config.py'
    # Under the name of the run that was tested just before, it would log into that one's folder.
    out = calibrate(
        config,
        best,
        tmp_path / 'new' / 'calibrated.pth',
        work_dir=str(tmp_path),
        cfg_options={'experiment_name': tmp_path.name},
    )
    after = read_checkpoint(out)
    # The best checkpoint was validated on the same clips, by the hook.
    assert after['meta']['temperature'] == pytest.approx(trained, rel=1e-4)
    assert after['state_dict']['cls_head.temperature.value'].item() == pytest.approx(trained, 1e-4)
    assert trained != 1
    for name, value in before['state_dict'].items():
        assert name.endswith('temperature.value') or torch.equal(after['state_dict'][name], value)
    assert {'optimizer', 'message_hub'} & set(after) == {'optimizer', 'message_hub'} & set(before)


def test_what_cannot_be_calibrated_is_named(tiny_run, tmp_path):
    (best,) = tiny_run.glob('best_*.pth')
    config = tiny_run.parent / 'config.py'
    with pytest.raises(FileNotFoundError, match=r'nothing\.py: no such config'):
        calibrate(tmp_path / 'nothing.py', best)
    with pytest.raises(FileNotFoundError, match=r'nothing\.pth'):
        calibrate(config, tmp_path / 'nothing.pth')
    other = tmp_path / 'other.pth'
    torch.save({'state_dict': {'backbone.cls_token': torch.zeros(1, 1, 7)}}, other)
    options = {'experiment_name': tmp_path.name}
    with pytest.raises(ValueError, match=r'other\.pth matches the model'):
        calibrate(config, other, work_dir=str(tmp_path / 'log'), cfg_options=options)
    with pytest.raises(ValueError, match='no val_dataloader'):
        calibrate(config, best, cfg_options={'val_dataloader': None})
