# Masked feature prediction on videos without labels: what an image network sees in the patches that
# the model does not see. tools/pretrain.py names the videos; docs/cameras.md has what it is worth.
_base_ = ['../_base_/schedules/adamw_60e_scratch.py', '../_base_/default_runtime.py']

model = dict(
    type='FeaturePrediction',
    backbone=dict(
        type='TimeSformerBackbone',
        num_frames=8,
        img_size=(80, 112),
        patch_size=16,
        embed_dims=96,
        num_heads=3,
        num_transformer_layers=4,
        attention_type='divided_space_time',
        drop_path_rate=0.0,
        pos_init_std=1.0,
    ),
    teacher=dict(cnn='efficientnet_lite0', stage=7),
    mask_ratio=0.5,
    # As the training that starts from it normalises.
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[114.75, 114.75, 114.75],
        std=[57.375, 57.375, 57.375],
        format_shape='NCTHW',
    ),
)

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='UnlabelledVideoDataset',
        data_root='videos',
        pipeline=[
            dict(type='OpenVideo'),
            dict(type='SampleClip', clip_len=8, frame_interval=32, out_of_bound='shrink_interval'),
            dict(type='DecodeFrames'),
            dict(type='RandomResizedCrop', area_range=(0.5, 1.0)),
            dict(type='Resize', scale=(112, 80), keep_ratio=False),
            dict(type='Flip', flip_ratio=0.5),
            dict(type='FormatShape', input_format='NCTHW'),
            dict(type='PackActionInputs', meta_keys=('filename',)),
        ],
    ),
)
val_cfg = None
test_cfg = None

train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=10)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
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
        T_max=9,
        eta_min_ratio=0.01,
        begin=1,
        end=10,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
default_hooks = dict(checkpoint=dict(interval=1, save_best=None, max_keep_ckpts=1))
randomness = dict(seed=0)
