# A few minutes on two CPU cores: a short warm-up, cosine, one learning rate for all layers.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=16, val_begin=5, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=1.0),
    optimizer=dict(type='AdamW', lr=2e-3, betas=(0.9, 0.999), weight_decay=0.05, fused=True),
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
        T_max=14,
        eta_min_ratio=0.01,
        begin=2,
        end=16,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]

auto_scale_lr = dict(enable=False, base_batch_size=8)
