"""Running an exported file.

Legend: B clips, T frames, H/W pixels, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mmaction_timesformer.inference.exporting import compiled_package
from mmaction_timesformer.inference.exporting.metadata import ExportMetadata
from mmaction_timesformer.inference.exporting.onnx_checks import check_onnx
from mmaction_timesformer.inference.scoring import check_temperature

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SUFFIXES = ('.onnx', '.pt2')
Run = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Clips (B, 3, T, H, W) uint8 to probabilities and logits (B, K)."""


def is_exported(file: str | Path) -> bool:
    """Whether a file's name says that it is an exported model."""
    return Path(file).suffix in SUFFIXES


class ExportedModel:
    """An exported file as a function from clips to calibrated probabilities.

    Args:
        run: The model.
        metadata: What its file says.
        temperature: What logits are divided by, if not what the file says.
    """

    def __init__(
        self, run: Run, metadata: ExportMetadata, temperature: float | None = None
    ) -> None:
        self.run = run
        self.metadata = metadata
        self.temperature = metadata.temperature if temperature is None else temperature
        check_temperature(self.temperature, 'temperature')

    @classmethod
    def open(
        cls,
        file: str | Path,
        device: str = 'cpu',
        trust_compiled: bool = False,
        temperature: float | None = None,
    ) -> ExportedModel:
        """Open a ``.onnx`` or ``.pt2`` file.

        Args:
            file: Written by ``tools/export.py``.
            device: Where it runs.
            trust_compiled: Whether machine code out of a ``.pt2`` file may be run.
            temperature: What logits are divided by, if not what the file says.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is damaged, of another origin, not trusted, or not for this device.
            ImportError: The runtime is not installed.
        """
        path = Path(file)
        if not path.is_file():
            raise FileNotFoundError(f'{path}: no such file')
        if path.suffix == '.onnx':
            run, metadata = _open_onnx(path, device)
        elif path.suffix == '.pt2':
            run, metadata = _open_package(path, device, trust_compiled)
        else:
            raise ValueError(f'{path} is no exported model; those end in {" or ".join(SUFFIXES)}')
        return cls(run, metadata, temperature)

    def __call__(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) uint8 to probabilities (B, K).

        Raises:
            ValueError: Clips of another size or type.
        """
        expected = self.metadata.clip_shape
        if tuple(clips.shape[1:]) != expected or clips.dtype != torch.uint8:
            raise ValueError(
                f'the model was exported for uint8 clips of (3, frames, height, width) = '
                f'{expected}, not for {clips.dtype} {tuple(clips.shape[1:])}'
            )
        probabilities, logits = self.run(clips)
        if self.temperature == self.metadata.temperature:
            return probabilities
        logits = logits / self.temperature
        return logits.sigmoid() if self.metadata.multi_label else logits.softmax(dim=1)


def open_session(path: Path, device: str, outputs: Collection[str]) -> InferenceSession:
    """Open an ONNX file that gives certain outputs.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be run, not on that device, or gives something else.
        ImportError: The runtime is not installed.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file')
    try:
        import onnxruntime

        check_onnx(path)
    except ImportError:
        raise ImportError(
            f"{path} needs onnxruntime: pip install 'mmaction_timesformer[export]'"
        ) from None
    provider = 'CPUExecutionProvider' if device == 'cpu' else 'CUDAExecutionProvider'
    if provider not in onnxruntime.get_available_providers():
        raise ValueError(
            f'{path}: this onnxruntime cannot run on {device}; install onnxruntime-gpu, or use cpu'
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[provider])
    # The runtime has a class of errors for each reason, and shares none but RuntimeError's parent.
    except Exception as error:
        raise ValueError(f'{path} is no ONNX file that can be run: {_short(error)}') from error
    if not set(outputs) <= {output.name for output in session.get_outputs()}:
        raise ValueError(
            f'{path} gives no {" and ".join(outputs)}: tools/export.py writes files that do'
        )
    return session


def _open_onnx(path: Path, device: str) -> tuple[Run, ExportMetadata]:
    session = open_session(path, device, ('probabilities', 'logits'))
    strings = session.get_modelmeta().custom_metadata_map
    metadata = ExportMetadata.from_strings(strings, path)

    def run(clips: Tensor) -> tuple[Tensor, Tensor]:
        pixels = np.ascontiguousarray(clips.cpu().numpy())
        try:
            probabilities, logits = session.run(['probabilities', 'logits'], {'clips': pixels})
        except Exception as error:
            raise ValueError(f'{path} cannot be run: {_short(error)}') from error
        wanted = len(clips), len(metadata.classes)
        for name, values in (('probabilities', probabilities), ('logits', logits)):
            if values.shape != wanted or values.dtype.kind != 'f':
                raise ValueError(
                    f'{path} gives {name} of {values.dtype} {values.shape}, not floats {wanted}'
                )
        return torch.from_numpy(probabilities), torch.from_numpy(logits)

    return run, metadata


def _short(error: Exception) -> str:
    return f'{" ".join(str(error).split()):.300}'


def _open_package(path: Path, device: str, trust_compiled: bool) -> tuple[Run, ExportMetadata]:
    metadata = ExportMetadata.from_strings(compiled_package.read_strings(path), path)
    if not trust_compiled:
        raise ValueError(
            f'{path} holds compiled code, which runs with all your rights: say that you trust its '
            'origin by --trust-compiled, or use a .onnx file'
        )
    if torch.device(device).type != metadata.device:
        raise ValueError(f'{path} was compiled for {metadata.device}, not for {device}')
    package = torch._inductor.aoti_load_package(str(path))

    def run(clips: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            probabilities, logits = package(clips.to(device).contiguous())
        return probabilities, logits

    return run, metadata
