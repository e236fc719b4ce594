"""Explained videos: every file, maps that add up, and clear words where a file is no video."""

import json
import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mmaction_timesformer.reports.explanations import explain_videos
from video_clips.commands import BAD_INPUT, run_command

FILES = {
    'overlay.mp4', 'strip.png', 'frames.png', 'faithfulness.png', 'relevance.npy', 'rollout.npy',
    'cls_attention.npy', 'frame_numbers.npy', 'frame_importance.npy', 'manifest.json',
}  # fmt: skip


@pytest.fixture(scope='module')
def model(tiny_run):
    (best,) = tiny_run.glob('best_*.pth')
    return tiny_run.parent / 'config.py', best


@pytest.fixture(scope='module')
def videos(tiny_run):
    return sorted((tiny_run.parent / 'data' / 'videos' / 'green').glob('*.mp4'))[-2:]


@pytest.fixture(scope='module')
def explained(model, videos, tmp_path_factory):
    out = tmp_path_factory.mktemp('explained') / 'out'
    return explain_videos(model[0], model[1], videos, out, check=True)


def test_each_video_has_its_files(explained, videos):
    folders = sorted(path for path in explained.parent.iterdir() if path.is_dir())
    assert [folder.name for folder in folders] == [
        f'{number:02d} {video.stem}' for number, video in enumerate(videos, start=1)
    ]
    for folder, video in zip(folders, videos, strict=True):
        assert {path.name for path in folder.iterdir()} == FILES
        manifest = json.loads((folder / 'manifest.json').read_text())
        assert manifest['video'] == str(video)
        assert sum(manifest['scores'].values()) == pytest.approx(1)
        assert manifest['class'] == max(manifest['scores'], key=manifest['scores'].get)
        # Three crops of four frames, on a grid of 4 x 4 patches.
        relevance = np.load(folder / 'relevance.npy')
        assert relevance.shape == (3, 4, 4, 4)
        assert np.load(folder / 'cls_attention.npy').shape == (3, 4, 4, 4, 4)
        shares = relevance.sum(axis=(0, 2, 3)) / relevance.sum()
        np.testing.assert_allclose(manifest['frame_importance'], shares, rtol=1e-4)
        with av.open(str(folder / 'overlay.mp4')) as container:
            shown = sum(1 for _ in container.decode(video=0))
        assert shown == manifest['frames'][-1] - manifest['frames'][0] + 1


def test_the_page_leads_to_the_files_and_nowhere_else(explained):
    page = explained.read_text()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    for source in sources:
        assert source.startswith('#') or (explained.parent / source.replace('%20', ' ')).is_file()
    assert sum(source.endswith('overlay.mp4') for source in sources) == 2
    assert 'at random' in page


def test_another_class_and_map_of_one_video(model, videos, tmp_path):
    out = tmp_path / 'out'
    explain_videos(model[0], model[1], videos[:1], out, target='blue', shown='rollout')
    manifest = json.loads((out / 'manifest.json').read_text())
    assert (manifest['class'], manifest['shown']) == ('blue', 'rollout')
    assert manifest['faithfulness'] is None


@pytest.mark.parametrize('content', [b'', b'no video at all' * 100])
def test_a_file_that_is_no_video_is_named_and_nothing_left(
    model, videos, tmp_path, content, capsys
):
    broken = tmp_path / 'broken.mp4'
    broken.write_bytes(content)
    options: dict[str, Any] = dict(
        config=model[0], checkpoint=model[1], videos=[videos[0], broken], out=tmp_path / 'out'
    )
    assert run_command(lambda: explain_videos(**options)) == BAD_INPUT
    assert re.match(r'error: .*broken\.mp4', capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == [broken]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(videos=[Path('none.mp4')]), r'none\.mp4: no such video'),
        (dict(checkpoint=Path('none.pth')), r'none\.pth'),
        (dict(config=Path('none.py')), r'none\.py: no such config'),
        (dict(target='purple'), r"'purple' is none of the classes \['red', 'green'"),
        (dict(shown='smoke'), r"shown='smoke' is unknown"),
    ],
)
def test_what_is_missing_is_named(model, videos, tmp_path, capsys, change, message):
    options: dict[str, Any] = dict(
        config=model[0], checkpoint=model[1], videos=videos, out=tmp_path / 'out'
    )
    assert run_command(lambda: explain_videos(**options | change)) == BAD_INPUT
    assert re.search(message, capsys.readouterr().err)
    assert not list(tmp_path.iterdir())
