# What tools/make_demo_dataset.py renders: ROOT/videos, ROOT/train.csv, ROOT/val.csv, ROOT/test.csv.
dataset_type = 'RailwayYardDataset'
data_root = '{{$RAILWAY_YARD_DEMO:data/railway_yard_demo}}'

# Tells results and heads which clip is which, and intervals which clips belong together.
clip_facts = ('filename', 'recording', 'start_seconds', 'end_seconds')
# Eight frames from the whole clip. No flip: the excavator's bucket is always on the same side.
train_pipeline = [
    dict(type='OpenVideo'),
    dict(type='SampleClip', clip_len=8),
    dict(type='DecodeFrames'),
    dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(1.3, 1.5)),
    dict(type='Resize', scale=(112, 80), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=clip_facts),
]
test_pipeline = [
    dict(type='OpenVideo'),
    dict(type='SampleClip', clip_len=8, test_mode=True),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(112, 80), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=clip_facts),
]
val_pipeline = test_pipeline

train_dataloader = dict(
    batch_size=8,
    num_workers=1,
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
    batch_size=16,
    num_workers=1,
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
    batch_size=16,
    num_workers=1,
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
