# Fine-tuning on a small set, after VideoMAE (arXiv 2203.12602): AdamW, layers learn the more slowly
# the further they are from the classifier, 5 epochs of warm-up, cosine.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30, val_begin=1, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='AutoAmpOptimWrapper',
    constructor='LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.75),
    # VideoMAE's 5e-4 at 128 clips, scaled by the square root of the batch, as Adam's steps are.
    optimizer=dict(type='AdamW', lr=1.25e-4, betas=(0.9, 0.999), weight_decay=0.05, fused=True),
)
# Ratios, not absolute ends: they keep the layers' rates apart.
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        begin=0,
        end=5,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=25,
        eta_min_ratio=0.01,
        begin=5,
        end=30,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]

auto_scale_lr = dict(enable=False, base_batch_size=8)
