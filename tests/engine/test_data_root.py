"""Moving a config's data with one option."""

from mmengine.config import Config

from mmaction_timesformer.engine.data_root import merge_options


def config() -> Config:
    own = dict(type='A', data_root='data/yard')
    foreign = dict(type='B', data_root='data/other')
    both = dict(type='ConcatDataset', datasets=[own, foreign])
    return Config(
        dict(
            data_root='data/yard',
            train_dataloader=dict(dataset=dict(type='RepeatDataset', dataset=both)),
            val_dataloader=dict(dataset=dict(own)),
            test_dataloader=None,
        )
    )


def roots(cfg: Config) -> list[str]:
    first, second = cfg.train_dataloader.dataset.dataset.datasets
    return [first.data_root, second.data_root, cfg.val_dataloader.dataset.data_root]


def test_the_root_moves_where_it_was_the_configs_own() -> None:
    cfg = config()
    merge_options(cfg, {'data_root': '/yard'})
    assert cfg.data_root == '/yard'
    assert roots(cfg) == ['/yard', 'data/other', '/yard']


def test_a_dataset_can_have_its_own() -> None:
    cfg = config()
    options = {'data_root': '/yard', 'val_dataloader.dataset.data_root': '/val'}
    merge_options(cfg, options)
    assert roots(cfg) == ['/yard', 'data/other', '/val']


def test_other_options_leave_the_data_alone() -> None:
    cfg = config()
    merge_options(cfg, {'train_dataloader.batch_size': 3})
    assert cfg.train_dataloader.batch_size == 3
    assert roots(cfg) == ['data/yard', 'data/other', 'data/yard']


def test_without_a_root_there_is_nothing_to_move() -> None:
    cfg = config()
    cfg.pop('data_root')
    merge_options(cfg, {'data_root': '/yard'})
    assert roots(cfg) == ['data/yard', 'data/other', 'data/yard']
