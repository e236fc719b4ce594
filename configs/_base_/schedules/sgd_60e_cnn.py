# For the convolutional networks that a TimeSformer is compared with: mmaction2's SlowFast schedule
# (warm-up, cosine, clipped SGD), its 0.1 at 64 clips scaled to 8, fewer epochs.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=60, val_begin=1, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',  # mmaction2's heads cannot log accuracies of bfloat16 scores
    optimizer=dict(type='SGD', lr=0.0125, momentum=0.9, weight_decay=1e-4),
    clip_grad=dict(max_norm=40, norm_type=2),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.1,
        begin=0,
        end=8,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=52,
        eta_min_ratio=0.0,
        begin=8,
        end=60,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]

auto_scale_lr = dict(enable=False, base_batch_size=8)
