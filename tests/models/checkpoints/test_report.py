"""The report says in one line what a table says in many."""

import pytest

from mmaction_timesformer.models.checkpoints import Fate, LoadReport, Outcome

MATCHED = Outcome(Fate.MATCHED)


@pytest.fixture
def report():
    outcomes = {
        'backbone.pos_embed': Outcome(Fate.RESIZED, '14x14 -> 28x28'),
        'backbone.norm.weight': MATCHED,
        **{
            f'backbone.blocks.{block}.steps.{step}': outcome
            for block in range(2)
            for step, outcome in (
                ('space.qkv.weight', MATCHED),
                ('time.norm.weight', Outcome(Fate.COPIED, 'from space')),
                ('time.qkv.weight', Outcome(Fate.COPIED, 'from space')),
                ('time.fc.weight', Outcome(Fate.REINITIALISED, 'at zero')),
            )
        },
        'cls_head.fc_cls.bias': Outcome(Fate.REINITIALISED, '400 classes -> 4'),
    }
    unused = ('backbone.blocks.2.mlp.fc1.weight', 'backbone.blocks.2.mlp.fc1.bias', 'head.bias')
    return LoadReport('weights.pth', 'mmaction2', outcomes, unused)


def test_summary(report):
    assert report.summary() == (
        'weights.pth (mmaction2): 3 matched, 1 resized (backbone.pos_embed 14x14 -> 28x28), '
        '4 copied (blocks.*.steps.time from space), '
        '3 re-initialised (blocks.*.steps.time.fc at zero; cls_head.fc_cls 400 classes -> 4), '
        '3 unused (blocks.2; head)'
    )


def test_table(report):
    lines = report.table().splitlines()
    assert len(lines) == len(report.outcomes) + len(report.unused)
    assert lines[0].split() == ['resized', 'backbone.pos_embed', '14x14', '->', '28x28']
    assert lines[-1].split() == ['unused', 'head.bias']


def test_every_parameter_has_one_fate(report):
    names = (*report.matched, *report.resized, *report.copied, *report.reinitialised)
    assert sorted(names) == sorted(report.outcomes)


def test_many_kinds_are_counted():
    unused = tuple(f'{letter}.weight' for letter in 'abcdef')
    report = LoadReport('', 'timm ViT', {}, unused)
    assert report.summary().endswith('6 unused (a; b; c; d; 2 more)')
    assert report.summary().startswith('weights (timm ViT): 0 matched')


@pytest.mark.parametrize(
    ('outcome', 'unused', 'complete'),
    [
        (MATCHED, (), True),
        (Outcome(Fate.RESIZED), (), True),
        (Outcome(Fate.COPIED), (), True),
        (Outcome(Fate.REINITIALISED), (), False),
        (MATCHED, ('x',), False),
    ],
)
def test_complete(outcome, unused, complete):
    report = LoadReport('weights.pth', 'mmaction2', {'a': outcome}, unused)
    assert report.complete == complete
    if complete:
        report.check_complete()
    else:
        with pytest.raises(ValueError, match=r'strict=True .* weights\.pth \(mmaction2\)'):
            report.check_complete()
