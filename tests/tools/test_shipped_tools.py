"""mmaction2's own tools, as its wheel ships them, run on this project's config and checkpoint.

Nothing is changed in them and nothing imported before them: what they need to know stands in the
config, and what they import before they read one is mended by what installing this package put
beside mmaction2 (see startup/).
"""

import pickle
import re
from pathlib import Path

import av
import mmaction
import pytest
from PIL import Image

from tests.tools.programs import finish, start

SHIPPED_TOOLS = Path(mmaction.__file__).parent / '.mim' / 'tools'
ANALYSIS, VISUALIZATIONS = SHIPPED_TOOLS / 'analysis_tools', SHIPPED_TOOLS / 'visualizations'


@pytest.fixture(scope='module')
def work_dir(tiny_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mmaction2's train.py leaves behind, resumed once on the way."""
    folder = tmp_path_factory.mktemp('work_dir')
    train = [SHIPPED_TOOLS / 'train.py', tiny_config, '--work-dir', folder, '--seed', 3]
    finish(start(*train, '--cfg-options', 'train_cfg.max_epochs=1'))
    finish(start(*train, '--resume'))
    return folder


@pytest.fixture(scope='module')
def checkpoint(work_dir: Path) -> Path:
    return work_dir / 'epoch_3.pth'


@pytest.fixture(scope='module')
def dump(tiny_config: Path, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The predictions that mmaction2's test.py writes."""
    file = tmp_path_factory.mktemp('dump') / 'predictions.pkl'
    test = [SHIPPED_TOOLS / 'test.py', tiny_config, checkpoint, '--dump', file]
    output = finish(start(*test, '--work-dir', file.parent))
    assert 'acc/top1' in output
    return file


def is_picture(file: Path) -> bool:
    with Image.open(file) as picture:
        return min(picture.size) > 100


def test_train_resumes(work_dir: Path) -> None:
    assert (work_dir / 'epoch_1.pth').is_file()
    log = max(work_dir.glob('2*/*.log')).read_text()
    assert 'resumed epoch: 1, iter: 3' in log


def test_dump_holds_every_clip(dump: Path) -> None:
    predictions = pickle.loads(dump.read_bytes())
    assert [int(sample['gt_label']) for sample in predictions] == [0, 1, 2, 3, 0, 1, 2]


def test_confusion_matrix_of_a_dump(tiny_config: Path, dump: Path, tmp_path: Path) -> None:
    picture = tmp_path / 'matrix.png'
    tool = ANALYSIS / 'confusion_matrix.py'
    finish(start(tool, tiny_config, dump, '--show-path', picture, '--include-values'))
    assert is_picture(picture)


def test_confusion_matrix_of_a_checkpoint(
    tiny_config: Path, checkpoint: Path, tmp_path: Path
) -> None:
    result = tmp_path / 'matrix.pkl'
    finish(start(ANALYSIS / 'confusion_matrix.py', tiny_config, checkpoint, '--out', result))
    assert pickle.loads(result.read_bytes()).sum(dim=1).tolist() == [2, 2, 2, 1]


def test_eval_metric_and_report_accuracy(tiny_config: Path, dump: Path) -> None:
    """Both compute from the dump what the test printed, and what can be counted in it."""
    metric = start(ANALYSIS / 'eval_metric.py', tiny_config, dump)
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


def test_get_flops(tiny_config: Path) -> None:
    tool = ANALYSIS / 'get_flops.py'
    output = finish(start(tool, tiny_config, '--shape', 1, 3, 4, 32, 32))
    flops, params = re.findall(r'(?:Flops: ([\d.]+)M|Params: ([\d.]+)K)', output)
    # Counted by hand: a step's norm, qkv and projection; a block's two steps, extra linear layer
    # and MLP; patches, class token, 5 + 4 positions; two blocks, the last norm, four classes.
    step = 2 * 32 + (32 + 1) * 96 + (32 + 1) * 32
    block = 2 * step + (32 + 1) * 32 + 2 * 32 + (32 + 1) * 128 + (128 + 1) * 32
    total = (768 + 1) * 32 + (1 + 5 + 4) * 32 + 2 * block + 2 * 32 + (32 + 1) * 4
    assert float(params[1]) == pytest.approx(total / 1000)
    assert float(flops[0]) > 0


def test_browse_dataset(tiny_config: Path, tmp_path: Path) -> None:
    tool = VISUALIZATIONS / 'browse_dataset.py'
    finish(start(tool, tiny_config, tmp_path, '--show-number', 2, '--mode', 'pipeline'))
    videos = sorted(tmp_path.glob('**/*.mp4'))
    assert len(videos) == 2
    with av.open(str(videos[0])) as container:
        assert len(list(container.decode(video=0))) == 4


def test_vis_scheduler(tiny_config: Path, tmp_path: Path) -> None:
    picture = tmp_path / 'rate.png'
    tool = VISUALIZATIONS / 'vis_scheduler.py'
    finish(start(tool, tiny_config, '--not-show', '--save-path', picture))
    assert is_picture(picture)


def test_vis_cam(tiny_config: Path, checkpoint: Path, videos: Path, tmp_path: Path) -> None:
    picture = tmp_path / 'cam.gif'
    finish(
        start(
            VISUALIZATIONS / 'vis_cam.py',
            *[tiny_config, checkpoint, videos / 'Other' / 'train 3.mp4'],
            *['--device', 'cpu', '--target-layer-name', 'backbone/token_grid'],
            *['--out-filename', picture],
        )
    )
    assert picture.stat().st_size > 0
