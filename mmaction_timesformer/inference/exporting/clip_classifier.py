"""A recognizer as one function of pixels, in a form that ``torch.export`` can follow.

Legend: B clips, T frames, H/W pixels, K classes.
"""

from __future__ import annotations

import copy
import keyword
from collections.abc import Callable

import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmaction.models.recognizers import Recognizer3D
from torch import Tensor, nn

from mmaction_timesformer.models.layers import AttentionStep, fold_extra_linear


class ClipClassifier(nn.Module):
    """Raw pixels in, calibrated probabilities and logits out.

    Normalisation is inside, so that no constant has to be repeated beside the file; pixels are
    bytes, so that their scale cannot be mistaken. The model is copied and left as it is.

    Args:
        model: In evaluation mode, its weights in float32.
        temperature: What logits are divided by.
    """

    def __init__(self, model: Recognizer3D, temperature: float) -> None:
        super().__init__()
        model = copy.deepcopy(model)
        for step in model.modules():
            if isinstance(step, AttentionStep):
                fold_extra_linear(step)
        rename_keywords(model)
        self.model = model
        # Asked here, because tracing gives submodules classes of its own.
        self.is_plain = type(model.data_preprocessor) is ActionDataPreprocessor
        self.temperature = temperature
        self.multi_label = bool(getattr(model.cls_head, 'multi_class', False))
        self.eval().requires_grad_(False)

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Clips (B, 3, T, H, W) uint8 to probabilities and logits, (B, K) each."""
        views = self._preprocess(clips).unsqueeze(1)
        logits = self.model.extract_feat(views, stage='head')[0]
        scaled = logits / self.temperature
        probabilities = scaled.sigmoid() if self.multi_label else scaled.softmax(dim=1)
        return probabilities, logits

    def _preprocess(self, clips: Tensor) -> Tensor:
        preprocessor = self.model.data_preprocessor
        if not self.is_plain:
            # Clips of one batch are treated like the views of one video.
            return preprocessor.preprocess([clips], [])[0].squeeze(0)
        # Written out, because the original looks at the data to find out about padding.
        if preprocessor.to_rgb:
            clips = clips.flip(1)
        clips = clips.float()
        if preprocessor._enable_normalize:
            clips = (clips - preprocessor.mean) / preprocessor.std
        return clips


def reference_of(
    model: Recognizer3D, temperature: float
) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Reference outputs for a `ClipClassifier`, by the model as it is tested: nothing folded.

    Args:
        model: In evaluation mode.
        temperature: What logits are divided by.
    """
    device = next(model.parameters()).device

    def classify(clips: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            data = {'inputs': list(clips.to(device).unsqueeze(1)), 'data_samples': []}
            inputs = model.data_preprocessor(data)['inputs']
            logits = model.extract_feat(inputs, stage='head')[0].float()
        scaled = logits / temperature
        multi_label = getattr(model.cls_head, 'multi_class', False)
        probabilities = scaled.sigmoid() if multi_label else scaled.softmax(dim=1)
        return probabilities.cpu(), logits.cpu()

    return classify


def rename_keywords(model: nn.Module) -> None:
    """Give submodules with a name like ``global`` one that can stand in generated code.

    ``torch.export`` writes Python that spells submodules out. The old name goes on as a plain
    attribute.
    """
    for module in model.modules():
        if any(keyword.iskeyword(name) for name in module._modules):
            children = dict(module._modules)
            module._modules.clear()
            for name, child in children.items():
                if keyword.iskeyword(name):
                    module.__dict__[name] = child
                    name = f'{name}_'
                module._modules[name] = child
