# DATA_ROOT/train.csv, val.csv, test.csv; paths in them are below DATA_ROOT/videos.
dataset_type = 'RailwayYardDataset'
data_root = '{{$RAILWAY_YARD:data/railway_yard}}'

# A crop keeps most of the yard, where the worker may be anywhere; left and right are no labels.
train_pipeline = [
    dict(type='OpenVideo'),
    dict(type='SampleClip', clip_len=8, frame_interval=32, out_of_bound='shrink_interval'),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='RandAugment', num_ops=2, magnitude=7),
    dict(type='RandomResizedCrop', area_range=(0.5, 1.0)),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='RandomErasing', erase_prob=0.25, mode='rand'),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
# Tells results which clip is which, and intervals which clips belong together.
clip_facts = ('filename', 'recording', 'start_seconds', 'end_seconds')
val_pipeline = [
    dict(type='OpenVideo'),
    dict(
        type='SampleClip',
        clip_len=8,
        frame_interval=32,
        out_of_bound='shrink_interval',
        test_mode=True,
    ),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=clip_facts),
]
test_pipeline = [
    dict(type='OpenVideo'),
    dict(
        type='SampleClip',
        clip_len=8,
        frame_interval=32,
        out_of_bound='shrink_interval',
        test_mode=True,
    ),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='ThreeCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=clip_facts),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='train.csv',
        data_prefix=dict(video='videos'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='val.csv',
        data_prefix=dict(video='videos'),
        pipeline=val_pipeline,
        test_mode=True,
    ),
)
test_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='test.csv',
        data_prefix=dict(video='videos'),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)

# The classes are not equally large, so the mean over classes decides which epoch was best.
val_evaluator = [
    dict(
        type='AccMetric',
        metric_list=('top_k_accuracy', 'mean_class_accuracy'),
        metric_options=dict(top_k_accuracy=dict(topk=(1,))),
    ),
    # Intervals, figures of each class, calibration.
    dict(type='ClassificationMetric'),
]
test_evaluator = val_evaluator
