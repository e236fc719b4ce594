"""The config on the page is the one that preparing writes."""

from pathlib import Path

from mmengine.config import Config

from data_analysis.analysis import AnalysisSettings, analyze
from data_analysis.inputs.datasets import input_from_folder
from data_analysis.measuring.measure import MeasureSettings
from data_analysis.splitting import recommended
from data_analysis.splitting.preparation import PreparationSettings, prepare
from tests.data_analysis.rendering import render_video


def test_it_is_what_preparing_writes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(recommended, 'choose_preset', lambda: 'scratch')
    for name in ('Digging', 'Other'):
        (tmp_path / 'videos' / name).mkdir(parents=True)
        for number in range(6):
            render_video(tmp_path / 'videos' / name / f'{number}.mp4', 20 + number)
    dataset = input_from_folder(str(tmp_path / 'videos'))
    measure = MeasureSettings(num_workers=1)
    found = analyze(dataset, AnalysisSettings(tmp_path / 'report', measure=measure))
    page = (tmp_path / 'report' / 'report.html').read_text(encoding='utf-8')
    assert 'minutes on two CPU cores' in page
    assert 'prepare_dataset.py' in page

    preset = recommended.PRESETS['scratch']
    base = next(place for place in recommended._places(preset.config) if place.is_file())
    settings = PreparationSettings(
        tmp_path / 'mine', base, preset, measure=measure, allow_leak=True
    )
    (written,) = prepare(dataset, settings, dataset.source['root']).configs
    told = tmp_path / 'told.py'
    text = found.summary['recommended_config']['text']
    told.write_text(text.replace('../..', str(base.parents[2])), encoding='utf-8')
    ours, theirs = Config.fromfile(told), Config.fromfile(written)
    assert ours.detection == theirs.detection
    assert ours.metainfo == theirs.metainfo == {'classes': ('Digging', 'Other')}
    assert ours.model == theirs.model
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert ours[loader].dataset.ann_file == theirs[loader].dataset.ann_file
        assert ours[loader].dataset.data_prefix == theirs[loader].dataset.data_prefix
