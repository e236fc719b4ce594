"""Save checkpoints so that a kill or a full disk leaves the last whole one; find it to resume."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.runner import BaseLoop, Runner

from mmaction_timesformer.models.checkpoints import is_whole, refuse_non_finite
from mmaction_timesformer.registry import HOOKS
from video_clips.whole_files import naming_failed_writes


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook``, with files that are whole or not there.

    mmengine removes the oldest checkpoint, then writes the new one under its final name: with
    ``max_keep_ckpts=1`` an interruption in between leaves nothing. Here a checkpoint is written
    beside its place, renamed, and only then is an old one removed. A test refuses weights that
    hold NaN or infinity. The arguments are those of ``CheckpointHook``.
    """

    def before_train(self, runner: Runner) -> None:
        """Let the run save every checkpoint beside its place."""
        super().before_train(runner)
        save = runner.save_checkpoint
        if isinstance(self.file_backend, LocalBackend) and not hasattr(save, 'saves_whole_files'):
            runner.save_checkpoint = _saving_whole_files(save)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Refuse to judge clips by a model that has diverged."""
        # The property train_loop would build a loop that a test does not need.
        if not isinstance(runner._train_loop, BaseLoop):
            refuse_non_finite(checkpoint.get('state_dict') or {}, runner._load_from or '')

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        kept = list(self.keep_ckpt_ids) if self.max_keep_ckpts > 0 else []
        is_full = bool(kept) and len(kept) == self.max_keep_ckpts and kept[-1] != step
        # The parent would remove it before it saves.
        outdated = self.keep_ckpt_ids.popleft() if is_full else None
        super()._save_checkpoint_with_step(runner, step, meta)
        if outdated is not None:
            self._remove(Path(self.out_dir, self.filename_tmpl.format(outdated)))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        if not self.save_best:
            return
        before = self._best_paths()
        # The parent would remove them before it saves.
        self._set_best_paths(dict.fromkeys(before))
        super()._save_best_checkpoint(runner, metrics)
        after = self._best_paths()
        self._set_best_paths({key: after[key] or before.get(key) for key in after})
        for key, old in before.items():
            if old and after.get(key) and after[key] != old:
                self._remove(Path(old))
                runner.logger.info(f'The previous best checkpoint {old} is removed')

    def _best_paths(self) -> dict[str, str | None]:
        if len(self.key_indicators) == 1:
            return {'': self.best_ckpt_path}
        return dict(self.best_ckpt_path_dict)

    def _set_best_paths(self, paths: dict[str, str | None]) -> None:
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = paths['']
        else:
            self.best_ckpt_path_dict = paths

    def _remove(self, path: Path) -> None:
        if not is_main_process():
            return
        if self.file_backend.isdir(str(path)):  # DeepSpeed's are directories.
            self.file_backend.rmtree(str(path))
        elif self.file_backend.isfile(str(path)):
            self.file_backend.remove(str(path))


def _saving_whole_files(save: Callable[..., None]) -> Callable[..., None]:
    """Make a runner's ``save_checkpoint`` write beside its place and rename."""

    def save_whole(out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        partial = Path(out_dir, f'.{filename}.part')
        try:
            with naming_failed_writes(Path(out_dir, filename), partial):
                save(out_dir, partial.name, *args, **kwargs)
            if is_main_process() and partial.is_file():
                with partial.open('rb+') as stream:
                    os.fsync(stream.fileno())
                partial.replace(Path(out_dir, filename))
        finally:
            # Of several processes one writes; another that is ahead of it must not remove its file.
            if is_main_process():
                partial.unlink(missing_ok=True)

    save_whole.saves_whole_files = True  # type: ignore[attr-defined]
    return save_whole


def newest_whole_checkpoint(work_dir: str | Path) -> Path | None:
    """Find the checkpoint to resume from: the newest whole one, best ones left aside.

    Best checkpoints have no state of the optimizer. Damaged ones are logged.

    Args:
        work_dir: Folder of the run.

    Returns:
        ``None`` if there is no checkpoint at all.

    Raises:
        ValueError: There are checkpoints, and none is whole.
    """
    note = Path(work_dir, 'last_checkpoint')
    noted = Path(note.read_text(encoding='utf-8').strip()) if note.is_file() else Path()
    folders = {Path(work_dir), noted.parent if noted.name else Path(work_dir)}
    found = {
        path
        for folder in folders
        for path in folder.glob('*.pth')
        if path.is_file() and not path.name.startswith(('.', 'best_'))
    }
    if noted.is_file():
        found.add(noted)
    for path in sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        if is_whole(path):
            return path
        print_log(f'{path} is damaged: resuming from the one before it', logger='current')
    if found:
        names = ', '.join(sorted(path.name for path in found))
        raise ValueError(f'{work_dir}: no checkpoint to resume from is whole, of {names}')
    return None
