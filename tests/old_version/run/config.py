custom_imports = dict(
    allow_failed_imports=False, imports=[
        'mmaction_timesformer',
    ])
dataset = dict(
    data_prefix=dict(video='videos'),
    data_root='data',
    type='RailwayYardDataset')
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=120, type='CheckpointHook'),
    logger=dict(interval=20, log_metric_by_epoch=False, type='LoggerHook'),
    record=dict(type='RunRecordHook'),
    temperature=dict(type='TemperatureHook'))
default_scope = 'mmaction'
detection = dict(
    clip_fps=6.0,
    dtype='float32',
    hop_seconds=0.5,
    rules=dict(
        enter=0.5,
        leave=0.35,
        merge_gap_seconds=0.5,
        min_seconds=0.5,
        smoothing='ema',
        smoothing_seconds=0.5))
launcher = 'none'
load_from = 'run/iter_120.pth'
log_processor = dict(by_epoch=False, window_size=20)
model = dict(
    backbone=dict(
        attention_type='divided_space_time',
        drop_path_rate=0.0,
        embed_dims=16,
        img_size=32,
        num_frames=4,
        num_heads=2,
        num_transformer_layers=1,
        patch_size=8,
        type='TimeSformerBackbone'),
    cls_head=dict(in_channels=16, num_classes=4, type='TimeSformerClsHead'),
    data_preprocessor=dict(
        format_shape='NCTHW',
        mean=[
            127.5,
            127.5,
            127.5,
        ],
        std=[
            127.5,
            127.5,
            127.5,
        ],
        type='ActionDataPreprocessor'),
    type='Recognizer3D')
optim_wrapper = dict(
    clip_grad=dict(max_norm=1.0), optimizer=dict(lr=0.08, type='SGD'))
param_scheduler = [
    dict(T_max=125, by_epoch=False, type='CosineAnnealingLR'),
]
randomness = dict(seed=0)
sample = dict(
    clip_len=4,
    frame_interval=3,
    out_of_bound='shrink_interval',
    type='SampleClip')
tail = [
    dict(scale=(
        -1,
        32,
    ), type='Resize'),
    dict(crop_size=32, type='CenterCrop'),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(meta_keys=(
        'filename',
        'recording',
    ), type='PackActionInputs'),
]
test_cfg = dict(type='TestLoop')
test_dataloader = dict(
    batch_size=4,
    dataset=dict(
        ann_file='val.csv',
        data_prefix=dict(video='videos'),
        data_root='data',
        pipeline=[
            dict(type='OpenVideo'),
            dict(
                clip_len=4,
                frame_interval=3,
                out_of_bound='shrink_interval',
                test_mode=True,
                type='SampleClip'),
            dict(type='DecodeFrames'),
            dict(scale=(
                -1,
                32,
            ), type='Resize'),
            dict(crop_size=32, type='CenterCrop'),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(
                meta_keys=(
                    'filename',
                    'recording',
                ), type='PackActionInputs'),
        ],
        test_mode=True,
        type='RailwayYardDataset'),
    num_workers=0,
    sampler=dict(shuffle=False, type='DefaultSampler'))
test_evaluator = [
    dict(
        metric_options=dict(top_k_accuracy=dict(topk=(1, ))),
        type='AccMetric'),
    dict(num_resamples=100, type='ClassificationMetric'),
    dict(out_file_path='run/test.pkl', type='DumpResults'),
]
test_pipeline = [
    dict(type='OpenVideo'),
    dict(
        clip_len=4,
        frame_interval=3,
        out_of_bound='shrink_interval',
        test_mode=True,
        type='SampleClip'),
    dict(type='DecodeFrames'),
    dict(scale=(
        -1,
        32,
    ), type='Resize'),
    dict(crop_size=32, type='CenterCrop'),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(meta_keys=(
        'filename',
        'recording',
    ), type='PackActionInputs'),
]
train_cfg = dict(max_iters=120, type='IterBasedTrainLoop', val_interval=60)
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        ann_file='train.csv',
        data_prefix=dict(video='videos'),
        data_root='data',
        pipeline=[
            dict(type='OpenVideo'),
            dict(
                clip_len=4,
                frame_interval=3,
                out_of_bound='shrink_interval',
                type='SampleClip'),
            dict(type='DecodeFrames'),
            dict(scale=(
                -1,
                32,
            ), type='Resize'),
            dict(crop_size=32, type='CenterCrop'),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(
                meta_keys=(
                    'filename',
                    'recording',
                ), type='PackActionInputs'),
        ],
        type='RailwayYardDataset'),
    num_workers=0,
    sampler=dict(shuffle=True, type='InfiniteSampler'))
train_pipeline = [
    dict(type='OpenVideo'),
    dict(
        clip_len=4,
        frame_interval=3,
        out_of_bound='shrink_interval',
        type='SampleClip'),
    dict(type='DecodeFrames'),
    dict(scale=(
        -1,
        32,
    ), type='Resize'),
    dict(crop_size=32, type='CenterCrop'),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(meta_keys=(
        'filename',
        'recording',
    ), type='PackActionInputs'),
]
val_cfg = dict(type='ValLoop')
val_dataloader = dict(
    batch_size=4,
    dataset=dict(
        ann_file='val.csv',
        data_prefix=dict(video='videos'),
        data_root='data',
        pipeline=[
            dict(type='OpenVideo'),
            dict(
                clip_len=4,
                frame_interval=3,
                out_of_bound='shrink_interval',
                test_mode=True,
                type='SampleClip'),
            dict(type='DecodeFrames'),
            dict(scale=(
                -1,
                32,
            ), type='Resize'),
            dict(crop_size=32, type='CenterCrop'),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(
                meta_keys=(
                    'filename',
                    'recording',
                ), type='PackActionInputs'),
        ],
        test_mode=True,
        type='RailwayYardDataset'),
    num_workers=0,
    sampler=dict(shuffle=False, type='DefaultSampler'))
val_evaluator = dict(
    metric_options=dict(top_k_accuracy=dict(topk=(1, ))), type='AccMetric')
val_pipeline = [
    dict(type='OpenVideo'),
    dict(
        clip_len=4,
        frame_interval=3,
        out_of_bound='shrink_interval',
        test_mode=True,
        type='SampleClip'),
    dict(type='DecodeFrames'),
    dict(scale=(
        -1,
        32,
    ), type='Resize'),
    dict(crop_size=32, type='CenterCrop'),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(meta_keys=(
        'filename',
        'recording',
    ), type='PackActionInputs'),
]
work_dir = 'run'
