# As for ImageNet's network, in pictures of the size that patches are learned at.
_base_ = './railway_yard_8x32x1_224_cameras.py'

clip_facts = ('filename', 'recording', 'start_seconds', 'end_seconds')
sampling = dict(type='SampleClip', clip_len=8, frame_interval=32, out_of_bound='shrink_interval')
resize = dict(type='Resize', scale=(112, 84), keep_ratio=False, interpolation='area')
train_pipeline = [
    dict(type='OpenVideo'),
    sampling,
    dict(type='DecodeFrames'),
    dict(type='CameraAugment', share=0.67),
    resize,
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=clip_facts),
]
val_pipeline = [
    dict(type='OpenVideo'),
    dict(sampling, test_mode=True),
    dict(type='DecodeFrames'),
    resize,
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=clip_facts),
]
test_pipeline = val_pipeline

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
