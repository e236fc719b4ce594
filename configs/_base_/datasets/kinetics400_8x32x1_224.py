dataset_type = 'LabeledVideoDataset'
data_root = '{{$KINETICS400:data/kinetics400}}'

train_pipeline = [
    dict(type='OpenVideo'),
    dict(type='SampleClip', clip_len=8, frame_interval=32),
    dict(type='DecodeFrames'),
    dict(type='RandomRescale', scale_range=(256, 320)),
    dict(type='RandomCrop', size=224),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
val_pipeline = [
    dict(type='OpenVideo'),
    dict(type='SampleClip', clip_len=8, frame_interval=32, test_mode=True),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
# The middle clip, three crops along the longer side, probabilities averaged by the head.
test_pipeline = [
    dict(type='OpenVideo'),
    dict(type='SampleClip', clip_len=8, frame_interval=32, test_mode=True),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='ThreeCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]

train_dataloader = dict(
    batch_size=2,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='kinetics400_train_list_videos.txt',
        data_prefix=dict(video='videos_train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=2,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='kinetics400_val_list_videos.txt',
        data_prefix=dict(video='videos_val'),
        pipeline=val_pipeline,
        test_mode=True,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='kinetics400_val_list_videos.txt',
        data_prefix=dict(video='videos_val'),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)

val_evaluator = [
    dict(type='AccMetric'),
    # Fits the temperature. Without intervals: 400 classes would be resampled one by one.
    dict(type='ClassificationMetric', num_resamples=0),
]
test_evaluator = val_evaluator
