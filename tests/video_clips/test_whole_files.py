"""A folder holds one run, and what others put there."""

import errno
import json
import os
import subprocess
import sys
import time

import pytest

from video_clips.whole_files import LISTING, folder_beside, staged_folder, written_beside


def write(out, *names, text='new'):
    with staged_folder(out) as folder:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)


def visible(folder):
    return {
        str(path.relative_to(folder))
        for path in folder.rglob('*')
        if path.is_file() and path.name != LISTING
    }


def test_what_an_earlier_run_wrote_goes_and_the_rest_stays(tmp_path):
    out = tmp_path / 'out'
    write(out, 'report.html', 'figures/recordings.png', 'figures/roc.png', '02 yard/map.npy')
    (out / 'figures' / 'mine.png').write_text('mine')
    (out / 'notes.txt').write_text('mine')
    write(out, 'report.html', 'figures/roc.png')
    assert visible(out) == {'report.html', 'figures/roc.png', 'figures/mine.png', 'notes.txt'}
    assert not (out / '02 yard').exists()
    assert {path.name for path in tmp_path.iterdir()} == {'out'}


def test_files_in_a_folder_of_others_stay(tmp_path):
    (tmp_path / 'report.html').write_text('old')
    (tmp_path / 'run.log').write_text('mine')
    write(tmp_path, 'report.html')
    assert visible(tmp_path) == {'report.html', 'run.log'}
    assert (tmp_path / 'report.html').read_text() == 'new'


def test_an_error_changes_nothing(tmp_path):
    out = tmp_path / 'out'
    write(out, 'report.html', text='old')
    with pytest.raises(TypeError):
        write(out, 'report.html', text=None)
    assert (out / 'report.html').read_text() == 'old'
    assert {path.name for path in tmp_path.iterdir()} == {'out'}


@pytest.mark.parametrize('num_moves', range(3))
def test_a_run_that_is_cut_off_mixes_nothing(tmp_path, monkeypatch, num_moves):
    """After any of the files that are moved; the next run is whole again."""
    out = tmp_path / 'out'
    write(out, 'a.html', 'b.png', 'old.png', text='old')
    replace, moved = os.replace, []

    def replace_some(source, target):
        if len(moved) == num_moves:
            raise InterruptedError
        moved.append(target)
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr('os.replace', replace_some)
        with pytest.raises(InterruptedError):
            write(out, 'a.html', 'b.png')
    assert {(out / name).read_text() for name in visible(out)} <= {'new'}
    write(out, 'c.html')
    assert visible(out) == {'c.html'}


def test_a_listing_from_elsewhere_removes_nothing_outside(tmp_path):
    out, other = tmp_path / 'out', tmp_path / 'other.txt'
    other.write_text('mine')
    write(out, 'report.html')
    (out / LISTING).write_text(json.dumps(['../other.txt', str(other)]))
    write(out, 'report.html')
    assert other.read_text() == 'mine'


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / 'out').write_text('mine')
    with pytest.raises(ValueError, match='out is a file; name a folder'):
        write(tmp_path / 'out', 'report.html')


@pytest.mark.parametrize(
    ('raised', 'number'),
    [
        (OSError(errno.ENOSPC, 'No space left on device'), errno.ENOSPC),
        (OSError(errno.EFBIG, 'File too large'), errno.EFBIG),
        (OSError(errno.EDQUOT, 'Disk quota exceeded'), errno.EDQUOT),
        (RuntimeError('[enforce fail at inline_container.cc:672] . unexpected pos 64'), errno.EIO),
        (RuntimeError('PytorchStreamWriter failed writing file data/0'), errno.EIO),
        (OSError('6144 requested and 992 written'), errno.EIO),
        (Exception('I/O error: No space left on device (os error 28)'), errno.ENOSPC),
    ],
)
def test_a_failed_write_names_its_file(tmp_path, raised, number):
    with pytest.raises(OSError, match='file') as caught, written_beside(tmp_path / 'file'):
        raise raised
    assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / 'file'))
    assert not list(tmp_path.iterdir())


def test_a_failed_write_into_a_folder_names_its_final_place(tmp_path):
    with pytest.raises(OSError, match='No space') as caught, staged_folder(tmp_path / 'out') as new:
        raise OSError(errno.ENOSPC, 'No space left on device', str(new / 'figures/roc.png'))
    assert caught.value.filename == str(tmp_path / 'out/figures/roc.png')
    with pytest.raises(OSError, match='No space') as caught, folder_beside(tmp_path / 'm.onnx'):
        raise OSError(errno.ENOSPC, 'No space left on device')
    assert caught.value.filename == str(tmp_path / 'm.onnx')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('writing', [written_beside, folder_beside])
def test_a_folder_that_cannot_be_written_names_the_file(writing):
    with pytest.raises(OSError, match=r'.') as caught, writing('/proc/report.html'):
        pass
    assert caught.value.filename == '/proc/report.html'


def test_what_a_killed_process_left_is_removed_an_hour_later(tmp_path):
    for name, age in (('.out.old', 4000), ('.out.new', 0), ('.other.old', 4000)):
        (tmp_path / name / 'figures').mkdir(parents=True)
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    write(tmp_path / 'out', 'report.html')
    assert {path.name for path in tmp_path.iterdir()} == {'out', '.out.new', '.other.old'}


def test_errors_of_other_files_and_kinds_stay(tmp_path):
    with pytest.raises(FileNotFoundError, match='other'), written_beside(tmp_path / 'file'):
        raise FileNotFoundError(errno.ENOENT, 'No such file', 'other')
    with pytest.raises(RuntimeError, match='a mistake'), written_beside(tmp_path / 'file'):
        raise RuntimeError('a mistake')


def test_torch_on_a_full_disk(tmp_path):
    """PyTorch's own error has neither the file nor the reason in it."""
    code = (
        'import resource, signal, sys, torch\n'
        'from video_clips.whole_files import written_beside\n'
        'signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n'
        'resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n'
        'try:\n'
        '    with written_beside(sys.argv[1]) as partial:\n'
        '        torch.save({"a": torch.ones(100_000)}, partial)\n'
        'except OSError as error:\n'
        '    print(error.filename)\n'
    )
    run = [sys.executable, '-c', code, str(tmp_path / 'a.pth')]
    printed = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert printed == f'{tmp_path / "a.pth"}\n'
    assert not list(tmp_path.iterdir())
