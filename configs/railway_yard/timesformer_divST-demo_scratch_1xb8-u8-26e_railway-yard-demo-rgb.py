# A model that learns from nothing on two CPU cores in minutes: `make demo` trains it.
_base_ = [
    '../_base_/datasets/railway_yard_demo_u8_80x112.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='Recognizer3D',
    backbone=dict(
        type='TimeSformerBackbone',
        num_frames=8,
        img_size=(80, 112),
        patch_size=16,
        embed_dims=64,
        num_heads=2,
        num_transformer_layers=4,
        attention_type='divided_space_time',
        drop_path_rate=0.0,
        pos_init_std=1.5,
    ),
    cls_head=dict(type='TimeSformerClsHead', num_classes=4, in_channels=64, average_clips='prob'),
    # A fixed camera's background is its median over time: what is left is what moves.
    data_preprocessor=dict(type='MotionDataPreprocessor'),
)

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=26, val_begin=5, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=1.0),
    optimizer=dict(type='AdamW', lr=2e-3, betas=(0.9, 0.999), weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        begin=0,
        end=2,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=24,
        eta_min_ratio=0.01,
        begin=2,
        end=26,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]

default_hooks = dict(
    logger=dict(type='LoggerHook', interval=30, ignore_last=False),
    checkpoint=dict(type='CheckpointHook', interval=5, max_keep_ckpts=1, save_best=None),
)
randomness = dict(seed=0)
