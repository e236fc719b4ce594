"""Compare the data preprocessor with what image networks inside the model were trained with."""

from __future__ import annotations

import logging

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmaction_timesformer.models.checkpoints.public_weights import agree, read_preprocessing
from mmaction_timesformer.models.patch_embeds import FeatureMaps
from mmaction_timesformer.registry import HOOKS


@HOOKS.register_module()
class PreprocessingHook(Hook):
    """Warn, once, of a model whose image network gets other inputs than it was trained with.

    Its weights belong to it (``FrameEncoder``, ``HybridPatchEmbed``), so that the loader, which
    compares the preprocessing of other weights, does not see them.
    """

    def before_run(self, runner: Runner) -> None:
        """Compare."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        actual = read_preprocessing(getattr(model, 'data_preprocessor', None))
        for module in model.modules():
            if not isinstance(module, FeatureMaps) or module.preprocessing is None:
                continue
            if actual is not None and not agree(module.preprocessing, actual):
                print_log(
                    f'the image network was trained with {module.preprocessing}, but the '
                    f'data_preprocessor gives {actual}: expect worse accuracy unless that is meant',
                    logger='current',
                    level=logging.WARNING,
                )
