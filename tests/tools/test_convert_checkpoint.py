"""The converter's command line; what it writes is tested beside the library."""

import sys
from pathlib import Path

import pytest
import torch

from mmaction_timesformer.models.checkpoints import markdown_table, read_checkpoint
from tests.models.checkpoints.peers import SIZES, logits, own_model, randomise, vit_model
from tests.models.checkpoints.peers import clips as random_clips
from tools.convert_checkpoint import main
from video_clips.commands import BAD_INPUT, DONE, run_command


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the tool with these words and returns what it prints."""

    def run_tool(*words: object) -> str:
        monkeypatch.setattr(sys, 'argv', ['convert_checkpoint.py', *map(str, words)])
        assert run_command(main) == DONE
        return capsys.readouterr().out

    return run_tool


@pytest.fixture
def source(tmp_path: Path) -> Path:
    torch.save({'state_dict': randomise(own_model(SIZES[0])).state_dict()}, tmp_path / 'own.pth')
    return tmp_path / 'own.pth'


def test_list_is_the_table(run):
    assert run('--list') == markdown_table() + '\n'


def test_round_trip_through_every_library(run, source, tmp_path):
    ours, inputs = own_model(SIZES[0]), random_clips(SIZES[0])
    ours.load_state_dict(read_checkpoint(source)['state_dict'])
    expected = logits(ours, inputs)
    heads = ('--num-heads', SIZES[0].num_heads)
    printed = run(source, tmp_path / 'hf', '--to', 'huggingface', *heads)
    assert printed == f'{source} -> {tmp_path / "hf"} (huggingface)\n'
    run(tmp_path / 'hf', tmp_path / 'mm.pth', '--to', 'mmaction2')
    run(tmp_path / 'mm.pth', tmp_path / 'fb.pyth', '--to', 'facebookresearch')
    (tmp_path / 'map.json').write_text('{"0": 2, "1": 4}')
    last = ('--to', 'mmaction_timesformer', '--class-map', tmp_path / 'map.json')
    run(tmp_path / 'fb.pyth', tmp_path / 'two classes.pth', *last)

    head = ours.cls_head
    head.fc_cls = torch.nn.Linear(SIZES[0].embed_dims, 2)
    ours.load_state_dict(read_checkpoint(tmp_path / 'two classes.pth')['state_dict'])
    torch.testing.assert_close(logits(ours, inputs), expected[:, [2, 4]])


def test_an_average_can_be_converted_on(run, source, tmp_path):
    other = read_checkpoint(source)
    other['state_dict'] = {name: 3 * value for name, value in other['state_dict'].items()}
    torch.save(other, tmp_path / 'other.pth')
    printed = run(source, tmp_path / 'mean.pth', '--average-with', tmp_path / 'other.pth')
    assert printed == f'2 checkpoints -> {tmp_path / "mean.pth"} (average)\n'
    run(tmp_path / 'mean.pth', tmp_path / 'mm.pth', '--to', 'mmaction2')
    found = read_checkpoint(tmp_path / 'mean.pth')['state_dict']
    for name, value in read_checkpoint(source)['state_dict'].items():
        torch.testing.assert_close(found[name], 2 * value)


def test_what_is_left_out_is_said(run, tmp_path):
    vit_model(SIZES[0]).save_pretrained(tmp_path / 'vit')
    printed = run(tmp_path / 'vit', tmp_path / 'mm.pth', '--to', 'mmaction2')
    assert 'left out' in printed
    assert 'pooler.dense.weight' in printed


@pytest.mark.parametrize(
    'words', [[], ['a.pth'], ['a.pth', 'b.pth'], ['a.pth', 'b.pth', '--to', 'timm']]
)
def test_missing_words(run, words):
    with pytest.raises(SystemExit) as raised:
        run(*words)
    assert raised.value.code == 2


def test_one_line_says_what_is_wrong(source, tmp_path, monkeypatch, capsys):
    (tmp_path / 'map.json').write_text('{"0": [')
    (tmp_path / 'folder').mkdir()
    for words, expected in (
        ((tmp_path / 'none.pth', tmp_path / 'x.pth'), 'none.pth: no such file of weights'),
        ((source, tmp_path / 'folder'), 'folder is a directory that exists'),
        ((source, '/dev/full/x.pth'), '/dev/full'),
        ((source, tmp_path / 'x', '--class-map', tmp_path / 'map.json'), 'is not valid JSON'),
        ((source, tmp_path / 'x', '--class-map', tmp_path / 'no.json'), 'no.json'),
    ):
        arguments = ['convert_checkpoint.py', *map(str, words), '--to', 'mmaction2']
        monkeypatch.setattr(sys, 'argv', arguments)
        assert run_command(main) == BAD_INPUT
        (line,) = capsys.readouterr().err.splitlines()
        assert expected in line
