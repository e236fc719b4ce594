# Real cameras of a railway terminal, as tools/prepare_dataset.py lists them: docs/railway4.md.
dataset_type = 'LabeledVideoDataset'
data_root = '{{$RAILWAY4:data/railway4/without_rusty_bridge-0}}'
metainfo = dict(classes=('bridge_down', 'bridge_up', 'no_action', 'train_in_out'))

# Most clips are shorter than 8 x 32 frames: the interval shrinks, and time keeps its order.
sampling = dict(type='SampleClip', clip_len=8, frame_interval=32, out_of_bound='shrink_interval')
train_pipeline = [
    dict(type='OpenVideo'),
    sampling,
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(112, 84), keep_ratio=False),
    dict(type='RandomResizedCrop', area_range=(0.85, 1.0)),
    dict(type='Resize', scale=(112, 80), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
# Tells results which clip is which, and intervals which clips belong together.
clip_facts = ('filename', 'recording', 'start_seconds', 'end_seconds')
test_pipeline = [
    dict(type='OpenVideo'),
    dict(sampling, test_mode=True),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(112, 80), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=clip_facts),
]
val_pipeline = test_pipeline

train_dataloader = dict(
    batch_size=16,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='train.csv',
        data_prefix=dict(video='videos'),
        metainfo=metainfo,
        pipeline=train_pipeline,
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
        metainfo=metainfo,
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
# Too few cameras to spare one for validation: nothing is chosen by this, it is only watched.
val_dataloader = test_dataloader

# No ClassificationMetric: a temperature fitted to these hundred clips would flatter their test.
val_evaluator = dict(
    type='AccMetric',
    metric_list=('top_k_accuracy', 'mean_class_accuracy'),
    metric_options=dict(top_k_accuracy=dict(topk=(1,))),
)
test_evaluator = [val_evaluator, dict(type='ClassificationMetric')]
