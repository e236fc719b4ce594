# A model that learns from nothing on two CPU cores in minutes: `make demo` trains it.
_base_ = [
    '../_base_/models/timesformer_demo.py',
    '../_base_/datasets/railway_yard_demo_u8_80x112.py',
    '../_base_/schedules/adamw_16e_demo.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(
    logger=dict(type='LoggerHook', interval=30, ignore_last=False),
    checkpoint=dict(type='WholeCheckpointHook', interval=5, max_keep_ckpts=1, save_best=None),
)
randomness = dict(seed=0)
# Windows as long as clips, half a second apart as their frames are; `make demo` tunes thresholds.
detection = dict(
    span_seconds=4.0,
    hop_seconds=0.5,
    dtype='float32',
    rules=dict(
        smoothing='centred',
        smoothing_seconds=2.0,
        enter=0.9,
        leave=0.45,
        min_seconds=1.0,
        merge_gap_seconds=1.0,
        widen_seconds=0.5,
    ),
    dangers={'Track-Excavator': {}, 'Bucket-Worker': {}, 'Cabin-Worker': {}},
)
