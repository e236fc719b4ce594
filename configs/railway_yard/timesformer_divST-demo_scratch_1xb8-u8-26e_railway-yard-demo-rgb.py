# A model that learns from nothing on two CPU cores in minutes: `make demo` trains it.
_base_ = [
    '../_base_/models/timesformer_demo.py',
    '../_base_/datasets/railway_yard_demo_u8_80x112.py',
    '../_base_/schedules/adamw_26e_demo.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(
    logger=dict(type='LoggerHook', interval=30, ignore_last=False),
    checkpoint=dict(type='CheckpointHook', interval=5, max_keep_ckpts=1, save_best=None),
)
randomness = dict(seed=0)
