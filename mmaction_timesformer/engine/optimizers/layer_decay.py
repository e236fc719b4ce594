"""Layer-wise learning-rate decay, as BEiT and VideoMAE fine-tune vision transformers with it.

A layer that is further from the classifier learns more slowly: with L blocks, the embeddings are
layer 0, block i is layer i + 1, the final norm and the head are layer L + 1, and layer l learns at
``lr * rate ** (L + 1 - l)``.
"""

import re

from mmengine.logging import MMLogger
from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mmaction_timesformer.registry import OPTIM_WRAPPER_CONSTRUCTORS

EMBEDDINGS = ('cls_token', 'pos_embed', 'time_embed')
"""Backbone parameters that are no weights of a layer: they are not decayed towards zero."""


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Give each layer its learning rate, and weight decay to weight matrices alone.

    No weight decay on biases, norms (all parameters of one dimension), CLS token, position and time
    embedding. Frozen parameters are left out. Works with every optim wrapper, and with every
    recognizer whose ``backbone.blocks`` are its layers::

        optim_wrapper = dict(
            constructor='LayerDecayOptimWrapperConstructor',
            paramwise_cfg=dict(layer_decay_rate=0.75),
            optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05))

    Choose schedules that scale all learning rates alike (``eta_min_ratio`` or ``eta_min=0`` for the
    cosine): an absolute ``eta_min`` would end the decay.

    Args:
        optim_wrapper_cfg: Config of the optim wrapper, with ``optimizer``.
        paramwise_cfg: ``layer_decay_rate`` in (0, 1], and nothing else.

    Raises:
        ValueError: If ``paramwise_cfg`` holds something else, or the optimizer no learning rate.
    """

    def _validate_cfg(self) -> None:
        super()._validate_cfg()
        unknown = sorted(set(self.paramwise_cfg) - {'layer_decay_rate'})
        if unknown or 'layer_decay_rate' not in self.paramwise_cfg:
            raise ValueError(
                f'paramwise_cfg holds {sorted(self.paramwise_cfg)}; it takes exactly '
                "'layer_decay_rate', a number above 0 and up to 1"
            )
        if not 0 < self.paramwise_cfg['layer_decay_rate'] <= 1:
            raise ValueError(
                f'layer_decay_rate is {self.paramwise_cfg["layer_decay_rate"]}, not in (0, 1]'
            )
        if self.base_lr is None:
            raise ValueError('layer-wise decay needs optimizer=dict(lr=...) to be given')

    def add_params(self, params: list[dict], module: nn.Module) -> None:
        """Add the trainable parameters of a recognizer, one group for each layer and decay.

        Args:
            params: The groups to extend, in place, ordered from the embeddings to the head.
            module: The recognizer.

        Raises:
            ValueError: If its backbone has no ``blocks``.
        """
        num_blocks = _count_blocks(module)
        rate = self.paramwise_cfg['layer_decay_rate']
        groups: dict[tuple[int, bool], dict] = {}
        for name, param in module.named_parameters():
            if not param.requires_grad:
                continue
            layer, decays = layer_of(name, num_blocks), param.ndim > 1 and not _is_embedding(name)
            if (layer, decays) not in groups:
                scale = rate ** (num_blocks + 1 - layer)
                groups[layer, decays] = dict(params=[], lr=self.base_lr * scale, lr_scale=scale)
                if self.base_wd is not None:
                    groups[layer, decays]['weight_decay'] = self.base_wd if decays else 0.0
            groups[layer, decays]['params'].append(param)
        for key in sorted(groups):
            params.append(groups[key])
        _log_groups(groups)


def layer_of(name: str, num_blocks: int) -> int:
    """Return a parameter's layer.

    Args:
        name: Its name in the recognizer, such as ``backbone.blocks.3.mlp.fc1.weight``.
        num_blocks: L.

    Returns:
        0 for the embeddings, i + 1 for block i, L + 1 for everything behind the blocks.
    """
    block = re.match(r'backbone\.blocks\.(\d+)\.', name)
    if block:
        return int(block[1]) + 1
    if name.startswith('backbone.patch_embed.') or _is_embedding(name):
        return 0
    return num_blocks + 1


def _is_embedding(name: str) -> bool:
    return name in {f'backbone.{embedding}' for embedding in EMBEDDINGS}


def _count_blocks(module: nn.Module) -> int:
    if not hasattr(module, 'backbone'):
        # The stand-in of mmaction2's vis_scheduler.py, which is all head.
        return 0
    backbone = module.backbone
    blocks = getattr(backbone, 'blocks', None)
    if not isinstance(blocks, nn.ModuleList | nn.Sequential):
        raise ValueError(
            f'layer-wise decay needs a recognizer whose backbone has `blocks`; '
            f'the {type(backbone).__name__} of this {type(module).__name__} has none'
        )
    return len(blocks)


def _log_groups(groups: dict[tuple[int, bool], dict]) -> None:
    lines = [
        f'  layer {layer}, {"" if decays else "no "}weight decay: '
        f'lr {group["lr"]:.3g}, {len(group["params"])} tensors'
        for (layer, decays), group in sorted(groups.items())
    ]
    MMLogger.get_current_instance().info('\n'.join(['Layer-wise decay:', *lines]))
