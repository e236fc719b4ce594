"""A model and its predictions in a line each, without mmengine's runner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmaction.models.recognizers import Recognizer3D
from mmengine.config import Config
from mmengine.logging import MMLogger

from mmaction_timesformer.inference.recognizer import make_recognizer
from mmaction_timesformer.inference.trained_model import TrainedModel, as_config

CONFIG_SUFFIXES = ('.py', '.json', '.yaml', '.yml')


def build_model(
    source: str | Path | Config, weights: str | Path | None = None, device: str = 'cpu'
) -> Recognizer3D:
    """Build a model, in evaluation mode; it is an ordinary ``torch.nn.Module``.

    Args:
        source: A checkpoint, which holds its config, or a config.
        weights: Weights for the model of a config: a checkpoint of this project, or public weights
            of any known library. Without them it starts as training would start it, from the
            config's ``init_cfg`` or ``pretrained``.
        device: Where it runs.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: The model cannot be built, or the weights are not its own.
    """
    if isinstance(source, Config) or Path(source).suffix in CONFIG_SUFFIXES:
        if weights is not None:
            return TrainedModel.load(source, weights, device).model
        model = make_recognizer(as_config(source))
        with _quiet():
            model.init_weights()
        return model.to(device).eval()
    if weights is not None:
        raise ValueError(f'{source} is not a config ({", ".join(CONFIG_SUFFIXES)})')
    return TrainedModel.load(None, source, device).model


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep mmengine from listing every parameter that it sets."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('WARNING')
    try:
        yield
    finally:
        logger.setLevel(level)


def predict(
    video: str | Path,
    checkpoint: str | Path,
    config: str | Path | Config | None = None,
    device: str = 'cpu',
    start_seconds: float | None = None,
    end_seconds: float | None = None,
) -> dict[str, float]:
    """Classify one video. For many, load a :class:`TrainedModel` once and call its ``predict``.

    Args:
        video: A video file or a folder of frames.
        checkpoint: The trained weights.
        config: The model's config; by default the one in the checkpoint.
        device: Where the model runs.
        start_seconds: Start of the part to classify; by default the video's.
        end_seconds: End of the part.

    Returns:
        Probabilities by class name, the most probable first.

    Raises:
        FileNotFoundError: A file is missing.
        VideoError: The video cannot be decoded.
        ValueError: The checkpoint is damaged or does not fit the config.
    """
    trained = TrainedModel.load(config, checkpoint, device)
    return trained.predict(video, start_seconds=start_seconds, end_seconds=end_seconds)
