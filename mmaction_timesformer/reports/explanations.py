"""``index.html`` of explained videos: what the model looked at, and whether that is true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_analysis.report.html import render_page
from mmaction_timesformer.explanation.explanation_folder import ExplanationOptions, explain_video
from mmaction_timesformer.inference.trained_model import TrainedModel
from video_clips.whole_files import staged_folder

PAGE = 'index.html'


def explain_videos(
    config: str | Path,
    checkpoint: str | Path,
    videos: Sequence[str | Path],
    out: str | Path,
    device: str = 'cpu',
    **options: Any,
) -> Path:
    """Explain a model's decisions on videos, and show them on a page.

    Args:
        config: The model's config.
        checkpoint: Its weights.
        videos: Video files, or folders of frames.
        out: The folder to write; with several videos it gets a folder for each.
        device: Where the model runs.
        options: Fields of `ExplanationOptions`.

    Returns:
        The page.

    Raises:
        FileNotFoundError: One of the files is missing.
        ValueError: The checkpoint is damaged or does not fit, or an argument makes no sense.
        VideoError: A video cannot be decoded.
    """
    wanted = ExplanationOptions(**options)
    trained = TrainedModel.load(config, checkpoint, device)
    made_from = {
        'config': str(config),
        'checkpoint': str(checkpoint),
        'checkpoint_sha256': trained.digest,
    }
    with staged_folder(out) as folder:
        shown_videos = []
        for number, video in enumerate(videos, start=1):
            name = f'{number:02d} {Path(video).stem}' if len(videos) > 1 else '.'
            (folder / name).mkdir(exist_ok=True)
            manifest = explain_video(trained, video, folder / name, made_from, wanted)
            shown_videos.append(_shown(name, manifest))
        page = render_page(
            Path(__file__).with_name('templates') / 'explanations.html.j2',
            videos=shown_videos,
            map=wanted.shown,
            source_line=f'{Path(config).stem}, {Path(checkpoint).name}',
            footer=f'Checkpoint SHA-256 {trained.digest}.',
        )
        (folder / PAGE).write_text(page, encoding='utf-8')
    return Path(out) / PAGE


def _shown(name: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The page's content for one video."""
    video = Path(manifest['video'])
    scores = sorted(manifest['scores'].items(), key=lambda item: -item[1])
    areas = manifest['faithfulness'] and manifest['faithfulness']['areas']
    return {
        'folder': '' if name == '.' else f'{name}/',
        'title': f'{video.parent.name}/{video.name}' if video.parent.name else video.name,
        'explained': manifest['class'],
        'scores': [{'name': label, 'share': score} for label, score in scores[:6]],
        'check': areas and _check_sentence(areas),
    }


def _check_sentence(areas: Mapping[str, float]) -> str:
    """Whether the map is true, by the areas under the curves."""
    early_fall = areas['random_deletion'] - areas['deletion']
    early_rise = areas['insertion'] - areas['random_insertion']
    verdict = {
        (True, True): 'Both speak for the map.',
        (True, False): 'Only deletion speaks for the map.',
        (False, True): 'Only insertion speaks for the map.',
        (False, False): 'Neither speaks for the map: do not trust it.',
    }[early_fall > 0, early_rise > 0]
    return (
        f'Mean probability while patches are hidden, most relevant first: {areas["deletion"]:.2f} '
        f'(at random {areas["random_deletion"]:.2f}; lower is better). While they are shown: '
        f'{areas["insertion"]:.2f} (at random {areas["random_insertion"]:.2f}; higher is better). '
        f'{verdict}'
    )
