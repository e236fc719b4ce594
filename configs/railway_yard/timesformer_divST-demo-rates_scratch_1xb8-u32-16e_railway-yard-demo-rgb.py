# The demo's model for several rates: 4 to 32 frames, windows of 1, 2, 4 s averaged (docs/rates.md).
_base_ = ['timesformer_divST-demo_scratch_1xb8-u8-16e_railway-yard-demo-rgb.py']

model = dict(
    type='RatesRecognizer',
    train_views=[(4, 8), (8, 4), (16, 2), (32, 1), (8, 2), (8, 1)],
    test_views=[(8, 1), (8, 2), (8, 4)],
    backbone=dict(pos_embed='rotary', frame_seconds=0.125),
)

clip_facts = ('filename', 'recording', 'start_seconds', 'end_seconds', 'clip_seconds')
train_pipeline = [
    dict(type='OpenVideo'),
    dict(type='SampleClip', clip_len=32),
    dict(type='DecodeFrames'),
    dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(1.3, 1.5)),
    dict(type='Resize', scale=(112, 80), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=clip_facts),
]
test_pipeline = [
    dict(type='OpenVideo'),
    dict(type='SampleClip', clip_len=32, test_mode=True),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(112, 80), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=clip_facts),
]
val_pipeline = test_pipeline
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
