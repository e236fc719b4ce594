"""A checkpoint is whole or not there, and the last whole one survives an interruption."""

import os
from pathlib import Path
from typing import Any

import mmengine.runner.runner as runner_module
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.runner import Runner

from mmaction_timesformer.engine.hooks import (
    WholeCheckpointHook,
    newest_whole_checkpoint,
    whole_checkpoint_hook,
)
from mmaction_timesformer.models.checkpoints import read_checkpoint
from tests.small_models import OneWeight


class Epoch(BaseMetric):
    """Rises and falls with the epoch: the best is not the last."""

    scores = iter(())

    def process(self, data_batch: object, data_samples: list[float]) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        return {'score': next(self.scores)}


def run(work_dir: Path, num_epochs: int = 3, **hook: Any) -> Runner:
    Epoch.scores = iter((0.1, 0.5, 0.3, 0.2))
    data = {
        'dataset': [{'inputs': torch.tensor([value])} for value in (0.0, 1.0)],
        'sampler': {'type': 'DefaultSampler'},
        'collate_fn': {'type': 'default_collate'},
    }
    return Runner(
        model=OneWeight(),
        work_dir=str(work_dir),
        train_dataloader=data,
        val_dataloader=data,
        val_evaluator=[Epoch()],
        train_cfg={'by_epoch': True, 'max_epochs': num_epochs},
        val_cfg={},
        optim_wrapper={'optimizer': {'type': 'AdamW'}},
        default_hooks={
            'checkpoint': {
                'type': WholeCheckpointHook,
                'interval': 1,
                'max_keep_ckpts': 1,
                'save_best': 'score',
                'rule': 'greater',
                **hook,
            }
        },
        experiment_name=work_dir.name,
        log_level='ERROR',
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if '.pth' in path.name)


def test_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    run(tmp_path).train()
    assert names(tmp_path) == ['best_score_epoch_2.pth', 'epoch_3.pth']
    info = read_checkpoint(tmp_path / 'epoch_3.pth')['message_hub']['runtime_info']
    assert info['keep_ckpt_ids'] == [3]
    assert info['best_ckpt'] == str(tmp_path / 'best_score_epoch_2.pth')


@pytest.mark.parametrize('error', [OSError(28, 'No space left on device'), KeyboardInterrupt()])
@pytest.mark.parametrize('interrupted', ['epoch_2.pth', 'best_score_epoch_2.pth'])
def test_interrupted_saving_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: str, error: BaseException
) -> None:
    """Half of the new file is written; mmengine has removed the old one by then."""
    save = runner_module.save_checkpoint

    def save_half(checkpoint: dict, filename: str, **kwargs: Any) -> None:
        save(checkpoint, filename, **kwargs)
        if filename.endswith(f'.{interrupted}.part'):
            path = Path(filename)
            os.truncate(path, path.stat().st_size // 2)
            raise error

    monkeypatch.setattr(runner_module, 'save_checkpoint', save_half)
    with pytest.raises(type(error)):
        run(tmp_path).train()
    kept = 'epoch_1.pth' if interrupted == 'epoch_2.pth' else 'epoch_2.pth'
    assert names(tmp_path) == ['best_score_epoch_1.pth', kept]
    assert newest_whole_checkpoint(tmp_path) == tmp_path / kept


def test_another_process_leaves_what_the_main_one_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several processes one writes; mmengine's save does nothing in the others."""
    being_written = tmp_path / '.epoch_1.pth.part'
    being_written.write_bytes(b'half')
    monkeypatch.setattr(whole_checkpoint_hook, 'is_main_process', lambda: False)
    save = whole_checkpoint_hook._saving_whole_files(lambda out_dir, filename: None)
    save(str(tmp_path), 'epoch_1.pth')
    assert being_written.read_bytes() == b'half'


def test_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    run(tmp_path, num_epochs=1).train()
    again = run(tmp_path, num_epochs=2)
    again.resume(str(newest_whole_checkpoint(tmp_path)))
    Epoch.scores = iter((0.05,))
    again.train()
    assert again.epoch == 2
    assert names(tmp_path) == ['best_score_epoch_1.pth', 'epoch_2.pth']


def test_newest_whole_file_is_found(tmp_path: Path) -> None:
    assert newest_whole_checkpoint(tmp_path) is None
    for number, name in enumerate(('epoch_1', 'epoch_2', 'epoch_3', 'best_score_epoch_2')):
        torch.save({'state_dict': {'a': torch.ones(100)}}, tmp_path / f'{name}.pth')
        os.utime(tmp_path / f'{name}.pth', (number, number))
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_3.pth'))
    assert newest_whole_checkpoint(tmp_path) == tmp_path / 'epoch_3.pth'

    whole = (tmp_path / 'epoch_3.pth').read_bytes()
    (tmp_path / 'epoch_3.pth').write_bytes(whole[: len(whole) // 2])
    os.utime(tmp_path / 'epoch_3.pth', (2, 2))
    assert newest_whole_checkpoint(tmp_path) == tmp_path / 'epoch_2.pth'

    (tmp_path / 'last_checkpoint').write_text('')  # A kill while mmengine writes this file.
    assert newest_whole_checkpoint(tmp_path) == tmp_path / 'epoch_2.pth'

    for number in (1, 2):
        (tmp_path / f'epoch_{number}.pth').write_bytes(b'')
    with pytest.raises(ValueError, match=r'no checkpoint to resume from is whole, of epoch_1\.pth'):
        newest_whole_checkpoint(tmp_path)


def test_a_test_refuses_weights_that_are_not_finite(tmp_path: Path) -> None:
    runner = run(tmp_path)
    checkpoint = {'state_dict': {'layer.bias': torch.tensor([float('nan')])}}
    with pytest.raises(ValueError, match=r'hold NaN or infinity: layer\.bias'):
        WholeCheckpointHook().after_load_checkpoint(runner, checkpoint)
    runner._train_loop = runner.train_loop  # Training may start from anything.
    WholeCheckpointHook().after_load_checkpoint(runner, checkpoint)
