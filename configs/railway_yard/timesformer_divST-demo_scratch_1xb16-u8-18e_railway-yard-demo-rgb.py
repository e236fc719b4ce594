# The demo's model for the events of long videos, with seven times the clips: docs/detection.md.
_base_ = ['timesformer_divST-demo_scratch_1xb8-u8-16e_railway-yard-demo-rgb.py']

train_cfg = dict(max_epochs=18, val_begin=6, val_interval=6)
train_dataloader = dict(batch_size=16)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        begin=0,
        end=1,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=17,
        eta_min_ratio=0.01,
        begin=1,
        end=18,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(
    logger=dict(interval=100),
    checkpoint=dict(interval=3),
)
auto_scale_lr = dict(base_batch_size=16)
