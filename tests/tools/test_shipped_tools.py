"""mmaction2's own tools, as its wheel ships them, run on the demo's config and a checkpoint of it.

Nothing is changed in them and nothing imported before them: what they need to know stands in the
config, and what they import before they read one is mended by what installing this package put
beside mmaction2 (see startup/).
"""

import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import av
import mmaction
import pytest
from PIL import Image

from demo_yard.walkthrough.demo_run import CONFIG, DATA_VARIABLE
from tests.tools.conftest import CLASSES
from tests.tools.programs import finish, start
from video_clips.annotation_files import write_annotations
from video_clips.clip import Clip

SHIPPED_TOOLS = Path(mmaction.__file__).parent / '.mim' / 'tools'
ANALYSIS, VISUALIZATIONS = SHIPPED_TOOLS / 'analysis_tools', SHIPPED_TOOLS / 'visualizations'


@pytest.fixture(scope='module', autouse=True)
def data(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The clips where the demo's config looks for what `make demo` renders."""
    folder = tmp_path_factory.mktemp('demo data')
    (folder / 'videos').symlink_to(videos)
    for split, subset, count in (('train', 'train', 12), ('val', 'val', 7), ('test', 'val', 7)):
        clips = [
            Clip(f'{CLASSES[index % 4]}/{subset} {index}.mp4', index % 4, f'rec{index // 4}')
            for index in range(count)
        ]
        write_annotations(folder / f'{split}.csv', clips, CLASSES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_VARIABLE, str(folder))
        yield


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work folder of mmaction2's train.py, resumed once on the way."""
    folder = tmp_path_factory.mktemp('work_dir')
    train = [SHIPPED_TOOLS / 'train.py', CONFIG, '--work-dir', folder, '--cfg-options']
    every_step = 'default_hooks.logger.interval=1'
    finish(start(*train, every_step, 'train_cfg.max_epochs=1'))
    finish(start(*train, every_step, 'train_cfg.max_epochs=2', '--resume'))
    return folder


@pytest.fixture(scope='module')
def checkpoint(work_dir: Path) -> Path:
    return work_dir / 'epoch_2.pth'


@pytest.fixture(scope='module')
def dump(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The predictions that mmaction2's test.py writes."""
    file = tmp_path_factory.mktemp('dump') / 'predictions.pkl'
    test = [SHIPPED_TOOLS / 'test.py', CONFIG, checkpoint, '--dump', file]
    output = finish(start(*test, '--work-dir', file.parent))
    assert 'acc/top1' in output
    return file


def is_picture(file: Path) -> bool:
    with Image.open(file) as picture:
        return min(picture.size) > 100


def test_train_resumes(work_dir: Path) -> None:
    assert (work_dir / 'epoch_2.pth').is_file()
    log = max(work_dir.glob('2*/*.log')).read_text()
    assert 'resumed epoch: 1, iter: 2' in log


def test_dump_holds_every_clip(dump: Path) -> None:
    predictions = pickle.loads(dump.read_bytes())
    assert [int(sample['gt_label']) for sample in predictions] == [0, 1, 2, 3, 0, 1, 2]


def test_confusion_matrix_of_a_dump(dump: Path, tmp_path: Path) -> None:
    picture = tmp_path / 'matrix.png'
    tool = ANALYSIS / 'confusion_matrix.py'
    finish(start(tool, CONFIG, dump, '--show-path', picture, '--include-values'))
    assert is_picture(picture)


def test_confusion_matrix_of_a_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    result = tmp_path / 'matrix.pkl'
    finish(start(ANALYSIS / 'confusion_matrix.py', CONFIG, checkpoint, '--out', result))
    assert pickle.loads(result.read_bytes()).sum(dim=1).tolist() == [2, 2, 2, 1]


def test_eval_metric_and_report_accuracy(dump: Path) -> None:
    """Both compute from the dump what the test printed, and what can be counted in it."""
    metric = start(ANALYSIS / 'eval_metric.py', CONFIG, dump)
    tool = ANALYSIS / 'report_accuracy.py'
    output = finish(start(tool, '--preds', dump, '--coefficients', 1))
    predictions = pickle.loads(dump.read_bytes())
    hits = [int(one['pred_score'].argmax()) == int(one['gt_label']) for one in predictions]
    (top1,) = re.findall(r'Top 1 Accuracy: ([\d.]+)', output)
    assert float(top1) == pytest.approx(sum(hits) / 7, abs=1e-4)
    (evaluated,) = re.findall(r"'acc/top1': (?:np\.float64\()?([\d.]+)", finish(metric))
    assert float(evaluated) == pytest.approx(sum(hits) / 7)
    (tested,) = re.findall(
        r'acc/top1: ([\d.]+)', max(dump.parent.glob('*/*.log')).read_text().splitlines()[-1]
    )
    assert float(tested) == pytest.approx(sum(hits) / 7, abs=1e-4)


def test_analyze_logs(work_dir: Path, tmp_path: Path) -> None:
    log, picture = max(work_dir.glob('*/vis_data/2*.json')), tmp_path / 'loss.png'
    tool = ANALYSIS / 'analyze_logs.py'
    plot = start(tool, 'plot_curve', log, '--keys', 'loss', 'top1_acc', '--out', picture)
    assert 'average iter time' in finish(start(tool, 'cal_train_time', log))
    finish(plot)
    assert is_picture(picture)


def test_get_flops() -> None:
    tool = ANALYSIS / 'get_flops.py'
    output = finish(start(tool, CONFIG, '--shape', 1, 3, 8, 80, 112))
    flops, params = re.findall(r'(?:Flops|Params): ([\d.]+)M', output)
    # Counted by hand: a step's norm, qkv and projection; a block's two steps, extra linear layer
    # and MLP; patches, class token, 36 + 8 positions; four blocks, the last norm, four classes.
    step = 2 * 64 + (64 + 1) * 192 + (64 + 1) * 64
    block = 2 * step + (64 + 1) * 64 + 2 * 64 + (64 + 1) * 256 + (256 + 1) * 64
    total = (768 + 1) * 64 + (1 + 36 + 8) * 64 + 4 * block + 2 * 64 + (64 + 1) * 4
    assert float(params) == pytest.approx(total / 1e6, abs=1e-3)
    assert float(flops) > 0


def test_browse_dataset(tmp_path: Path) -> None:
    tool = VISUALIZATIONS / 'browse_dataset.py'
    finish(start(tool, CONFIG, tmp_path, '--show-number', 2, '--mode', 'pipeline'))
    videos = sorted(tmp_path.glob('**/*.mp4'))
    assert len(videos) == 2
    with av.open(str(videos[0])) as container:
        assert len(list(container.decode(video=0))) == 8


def test_vis_scheduler(tmp_path: Path) -> None:
    picture = tmp_path / 'rate.png'
    tool = VISUALIZATIONS / 'vis_scheduler.py'
    finish(start(tool, CONFIG, '--not-show', '--save-path', picture))
    assert is_picture(picture)


def test_vis_cam(checkpoint: Path, videos: Path, tmp_path: Path) -> None:
    picture = tmp_path / 'cam.gif'
    finish(
        start(
            VISUALIZATIONS / 'vis_cam.py',
            *[CONFIG, checkpoint, videos / 'Other' / 'train 3.mp4'],
            *['--device', 'cpu', '--target-layer-name', 'backbone/token_grid'],
            *['--out-filename', picture],
        )
    )
    assert picture.stat().st_size > 0
