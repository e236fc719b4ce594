import os
from pathlib import Path

import pytest

from data_analysis.measuring import measure as module
from data_analysis.measuring.file_measurement import FileMeasurement, Tier
from data_analysis.measuring.measure import MeasureSettings, measure_files, tier_of
from tests.data_analysis.misbehaving import hang_on_some_files
from tests.data_analysis.rendering import render_video


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for number in range(3):
        render_video(tmp_path / f'{number}.mp4', 8 + number)
    return [str(tmp_path / f'{number}.mp4') for number in (2, 0, 1, 0)]


def test_one_row_a_file_sorted(files: list[str], tmp_path: Path) -> None:
    seen = []
    table, count = measure_files(
        [*files, str(tmp_path / 'absent.mp4')],
        tmp_path / 'store',
        MeasureSettings(),
        lambda done, total: seen.append((done, total)),
    )
    assert [Path(name).name for name in table['file']] == ['0.mp4', '1.mp4', '2.mp4', 'absent.mp4']
    assert table['num_frames'].tolist()[:3] == [8, 9, 10]
    assert table['status'].tolist() == ['ok', 'ok', 'ok', 'missing']
    assert (count.measured, count.remembered, count.missing) == (3, 0, 1)
    assert seen[-1] == (4, 4)


def test_goes_on_where_it_stopped(files: list[str], tmp_path: Path) -> None:
    settings = MeasureSettings()
    _, count = measure_files(files[:2], tmp_path / 'store', settings)
    assert count.measured == 2
    _, count = measure_files(files, tmp_path / 'store', settings)
    assert (count.measured, count.remembered) == (1, 2)
    os.utime(files[0], ns=(1, 1))
    render_video(Path(files[2]), 20)
    again, count = measure_files(files, tmp_path / 'store', settings)
    assert (count.measured, count.remembered) == (2, 1)
    assert again['num_frames'].tolist() == [8, 20, 10]


def test_a_deeper_tier_measures_again_and_serves_the_shallower(
    files: list[str], tmp_path: Path
) -> None:
    store = tmp_path / 'store'
    measure_files(files, store, MeasureSettings())
    deep, count = measure_files(files, store, MeasureSettings(decode_share=1.0))
    assert count.measured == 3
    assert deep['num_decoded_frames'].tolist() == [8, 9, 10]
    _, count = measure_files(files, store, MeasureSettings())
    assert count.measured == 0


def test_a_share_of_the_files_is_decoded_and_always_the_same() -> None:
    names = [f'{number}.mp4' for number in range(1000)]
    settings = MeasureSettings(decode_share=0.3, seed=1)
    decoded = [tier_of(name, settings) == Tier.DECODE for name in names]
    assert 250 < sum(decoded) < 350
    assert decoded == [tier_of(name, settings) == Tier.DECODE for name in names]
    other = MeasureSettings(decode_share=0.3, seed=2)
    assert decoded != [tier_of(name, other) == Tier.DECODE for name in names]
    with pytest.raises(ValueError, match='share'):
        MeasureSettings(decode_share=1.5)


def test_files_that_hang_or_crash_are_rows_like_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('crashes', 'fine', 'hangs'):
        render_video(tmp_path / f'{name}.mp4', 8)
    files = [str(tmp_path / f'{name}.mp4') for name in ('crashes', 'fine', 'hangs')]
    monkeypatch.setattr(module, 'measure_file', hang_on_some_files)
    settings = MeasureSettings(num_workers=2, timeout_seconds=4)
    table, _ = measure_files(files, tmp_path / 'store', settings)
    assert table['status'].tolist() == ['crashed', 'ok', 'timed_out']
    assert table['bytes'].tolist() == [Path(name).stat().st_size for name in files]
    # A crash is tried again, once a run; only more time makes the slow one worth another try.
    _, count = measure_files(files, tmp_path / 'store', settings)
    assert (count.measured, count.remembered) == (1, 2)
    monkeypatch.undo()
    table, count = measure_files(
        files, tmp_path / 'store', MeasureSettings(num_workers=0, timeout_seconds=8)
    )
    assert count.measured == 2
    assert table['status'].tolist() == ['ok', 'ok', 'ok']


@pytest.mark.parametrize('error', [ConnectionResetError(104, 'reset'), PermissionError(13, 'no')])
def test_what_the_system_refused_is_tried_again(
    error: OSError, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'broken.mp4').write_text('nothing')
    files = [*files, str(tmp_path / 'broken.mp4')]
    opened = Path.open

    def refuse_some(path: Path, *arguments: object) -> object:
        if path.name == '1.mp4':
            raise error
        return opened(path, *arguments)

    monkeypatch.setattr(Path, 'open', refuse_some)
    table, _ = measure_files(files, tmp_path / 'store', MeasureSettings())
    assert table['status'].tolist() == ['ok', 'unreadable', 'ok', 'unreadable']
    assert f'cannot be read: {error.strerror}' in table['error'][1]
    monkeypatch.undo()
    table, count = measure_files(files, tmp_path / 'store', MeasureSettings())
    assert table['status'].tolist() == ['ok', 'ok', 'ok', 'unreadable']
    assert (count.measured, count.remembered) == (1, 3)


def test_the_table_has_every_field(files: list[str], tmp_path: Path) -> None:
    table, _ = measure_files(files, tmp_path / 'store', MeasureSettings())
    assert list(table.columns) == ['file', *FileMeasurement.__dataclass_fields__]
