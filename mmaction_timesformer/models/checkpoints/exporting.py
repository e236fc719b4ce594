"""Writing weights for the libraries that have a TimeSformer too."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from mmaction_timesformer.models.checkpoints.fitting_parts import TEMPERATURE, fit_classifier
from mmaction_timesformer.models.checkpoints.formats import FORMATS, WeightFormat, recognise
from mmaction_timesformer.models.checkpoints.guards import read_json
from mmaction_timesformer.models.checkpoints.names import StateDict
from mmaction_timesformer.models.checkpoints.reading import read_checkpoint
from video_clips.whole_files import folder_beside

EXPORTS: dict[str, WeightFormat] = {known.name: known for known in FORMATS if known.from_ours}
"""Layouts that weights can be written in."""

_HEAD = 'cls_head.'
_CLASSIFIER = 'cls_head.fc_cls.'


def convert_file(
    source: str,
    output: Path,
    to: str,
    num_heads: int | None = None,
    class_map: Mapping[int, int] | None = None,
) -> tuple[str, ...]:
    """Read weights of any known format and write them in another.

    mmaction2, facebookresearch and mmaction_timesformer get a file as their training writes it;
    Hugging Face gets a directory for ``from_pretrained``. It appears when it is complete.

    Args:
        source: File, directory or URL.
        output: File or, for Hugging Face, directory to write.
        to: One of ``EXPORTS``.
        num_heads: Attention heads, which Hugging Face's configuration has and no weights tell;
            ``None`` for one in 64 channels, as in every ViT.
        class_map: Class to write, 0 to the last, to class of the source.

    Returns:
        Names of the source that were left out.

    Raises:
        ValueError: The source is damaged or of no known format, or that library has no such model.
        FileExistsError: The directory to write exists.
        OSError: The output cannot be written, as on a full disk.
    """
    checkpoint = read_checkpoint(source)
    parameters = {k: v for k, v in checkpoint['state_dict'].items() if isinstance(v, Tensor)}
    found = recognise(parameters)
    if found is None:
        raise ValueError(f'{source} has no known format; it holds {list(parameters)[:5]}')
    everything = found.to_ours(parameters)
    ours = {k: v for k, v in everything.items() if k.startswith(('backbone.', _HEAD))}
    if class_map is not None:
        ours.update(_pick_classes(ours, class_map))
    try:
        exported = export(ours, to)
    except ValueError as error:
        raise ValueError(f'{source} ({found.name}) cannot be written for {to}: {error}') from error
    if to == 'huggingface':
        config = huggingface_config(ours, num_heads)
        _write_beside(output, lambda folder: _write_huggingface(folder, exported, config))
    else:
        key = 'model_state' if to == 'facebookresearch' else 'state_dict'
        _write_beside(output, lambda file: torch.save({key: exported, 'meta': {}}, file))
    return tuple(name for name in everything if name not in ours)


def read_class_map(path: str) -> dict[int, int]:
    """Read a JSON object, class to write to class of the source.

    Raises:
        ValueError: It is something else.
        FileNotFoundError: There is no such file.
    """
    pairs = read_json(Path(path))
    try:
        return {int(wanted): int(given) for wanted, given in pairs.items()}
    except (TypeError, ValueError):
        raise ValueError(f'{path} is not an object of class: class, both whole numbers') from None


def export(state_dict: StateDict, to: str) -> dict[str, Tensor]:
    """Own parameters, named as a whole model's, in the layout of another library.

    Raises:
        ValueError: That library has no such model.
    """
    if to not in EXPORTS:
        raise ValueError(f'{to!r} is no format to write; choose from {list(EXPORTS)}')
    from_ours = EXPORTS[to].from_ours
    assert from_ours is not None
    if to != 'mmaction_timesformer':
        _check_shared(state_dict)
        state_dict = _without_temperature(state_dict)
    return {name: value.clone().contiguous() for name, value in from_ours(state_dict).items()}


def _without_temperature(state_dict: StateDict) -> StateDict:
    """The same with a classifier whose logits are calibrated by themselves."""
    others = dict(state_dict)
    temperature = others.pop(f'{_HEAD}{TEMPERATURE}', None)
    if temperature is not None:
        classifier = {k: v / temperature for k, v in others.items() if k.startswith(_CLASSIFIER)}
        others.update(classifier)
    return others


def _check_shared(state_dict: StateDict) -> None:
    """Refuse what only this project has and the names do not tell."""
    needed = ['backbone.pos_embed']
    if any('.steps.time.' in name or '.steps.joint.' in name for name in state_dict):
        needed.append('backbone.time_embed')
    for name in needed:
        if name not in state_dict:
            raise ValueError(f'it lacks {name}, which a model there always has')
    if any(name.startswith('backbone.patch_embed.cnn.') for name in state_dict):
        raise ValueError('its patches come from a CNN (HybridPatchEmbed); models there have none')
    for name in (name for name in state_dict if name.endswith('.qkv.weight')):
        if name.replace('.weight', '.bias') not in state_dict:
            raise ValueError('it has qkv_bias=False; models there have biases')
        if state_dict[name].shape[0] != 3 * state_dict[name].shape[1]:
            raise ValueError('its heads have a width of their own (head_dims); models there do not')
    hidden = state_dict.get('backbone.blocks.0.mlp.fc1.bias')
    taken = state_dict.get('backbone.blocks.0.mlp.fc2.weight')
    if hidden is not None and taken is not None and len(hidden) != taken.shape[1]:
        raise ValueError("it has a gated MLP (mlp='geglu'); models there have mlp='gelu'")


def huggingface_config(state_dict: StateDict, num_heads: int | None = None) -> dict[str, Any]:
    """The ``config.json`` of Hugging Face's model for own parameters.

    Raises:
        ValueError: The sizes are not ones that the model there can have.
    """
    embed_dims, in_channels, rows, columns = state_dict[
        'backbone.patch_embed.projection.weight'
    ].shape
    num_patches = state_dict['backbone.pos_embed'].shape[1] - 1
    side = math.isqrt(num_patches)
    if side * side != num_patches or rows != columns:
        raise ValueError(f'{num_patches} patches of {rows}x{columns} are no square of squares')
    num_heads = num_heads or embed_dims // 64
    if not num_heads or embed_dims % num_heads:
        raise ValueError(
            f'{embed_dims} channels do not divide into {num_heads} heads: give num_heads'
        )
    time_embed = state_dict.get('backbone.time_embed')
    scheme = 'space_only' if time_embed is None else 'joint_space_time'
    if any('.steps.time.' in name for name in state_dict):
        scheme = 'divided_space_time'
    classifier = state_dict.get('cls_head.fc_cls.weight')
    labels = [] if classifier is None else [f'LABEL_{index}' for index in range(len(classifier))]
    blocks = {name.split('.')[2] for name in state_dict if name.startswith('backbone.blocks.')}
    return dict(
        model_type='timesformer',
        architectures=['TimesformerForVideoClassification' if labels else 'TimesformerModel'],
        attention_type=scheme,
        image_size=side * rows,
        patch_size=rows,
        num_channels=in_channels,
        num_frames=8 if time_embed is None else time_embed.shape[1],
        hidden_size=embed_dims,
        num_hidden_layers=len(blocks),
        num_attention_heads=num_heads,
        intermediate_size=len(state_dict['backbone.blocks.0.mlp.fc1.bias']),
        hidden_act='gelu',
        layer_norm_eps=1e-6,
        qkv_bias=True,
        **(dict(id2label=dict(enumerate(labels))) if labels else {}),
    )


def _write_huggingface(folder: Path, exported: dict[str, Tensor], config: dict[str, Any]) -> None:
    folder.mkdir()
    save_file(exported, folder / 'model.safetensors', metadata={'format': 'pt'})
    (folder / 'config.json').write_text(json.dumps(config, indent=2) + '\n', encoding='utf-8')


def _pick_classes(state_dict: StateDict, class_map: Mapping[int, int]) -> dict[str, Tensor]:
    if sorted(class_map) != list(range(len(class_map))):
        raise ValueError(f'class_map must name classes 0 to the last, not {sorted(class_map)}')
    source = {k: v for k, v in state_dict.items() if k.startswith(_CLASSIFIER)}
    targets = {
        name: value.new_zeros(len(class_map), *value.shape[1:]) for name, value in source.items()
    }
    return fit_classifier(source, targets, class_map).values


def _write_beside(output: Path, write: Callable[[Path], object]) -> None:
    """Write a file or directory under another name and rename it when it is complete."""
    if output.is_dir():
        raise FileExistsError(f'{output} is a directory that exists: choose another name')
    with folder_beside(output) as folder:
        write(folder / output.name)
        (folder / output.name).replace(output)
