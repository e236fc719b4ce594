# A small model from nothing on real cameras, one of them held out: docs/railway4.md.
_base_ = [
    '../_base_/models/timesformer_demo.py',
    '../_base_/datasets/railway4_8x32x1_80x112.py',
    '../_base_/schedules/adamw_60e_scratch.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(embed_dims=96, num_heads=3, pos_init_std=1.0),
    cls_head=dict(in_channels=96),
    # These cameras are told apart by what stands still as well: the bridge, the wagon.
    data_preprocessor=dict(
        _delete_=True,
        type='ActionDataPreprocessor',
        mean=[114.75, 114.75, 114.75],
        std=[57.375, 57.375, 57.375],
        format_shape='NCTHW',
    ),
)

train_cfg = dict(max_epochs=45, val_begin=45, val_interval=45)
optim_wrapper = dict(optimizer=dict(lr=1.5e-3))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        begin=0,
        end=3,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=42,
        eta_min_ratio=0.01,
        begin=3,
        end=45,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]

default_hooks = dict(checkpoint=dict(interval=45, save_best=None))
randomness = dict(seed=0)
