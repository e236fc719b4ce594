_base_ = './kinetics400_8x32x1_224.py'

train_pipeline = _base_.train_pipeline
val_pipeline = _base_.val_pipeline
test_pipeline = _base_.test_pipeline
for pipeline in (train_pipeline, val_pipeline, test_pipeline):
    pipeline[1].update(clip_len=16, frame_interval=16)
del pipeline

train_pipeline[3:5] = [
    dict(type='RandomRescale', scale_range=(448, 512)),
    dict(type='RandomCrop', size=448),
]
val_pipeline[3:5] = [
    dict(type='Resize', scale=(-1, 512)),
    dict(type='CenterCrop', crop_size=448),
]
test_pipeline[3:5] = [
    dict(type='Resize', scale=(-1, 448)),
    dict(type='ThreeCrop', crop_size=448),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
