_base_ = './railway_yard_8x32x1_224.py'

train_pipeline = _base_.train_pipeline
val_pipeline = _base_.val_pipeline
test_pipeline = _base_.test_pipeline
train_pipeline[3] = dict(type='Resize', scale=(-1, 128))
train_pipeline[6] = dict(type='Resize', scale=(112, 112), keep_ratio=False)
val_pipeline[3:5] = [
    dict(type='Resize', scale=(-1, 112)),
    dict(type='CenterCrop', crop_size=112),
]
test_pipeline[3:5] = [
    dict(type='Resize', scale=(-1, 112)),
    dict(type='ThreeCrop', crop_size=112),
]

train_dataloader = dict(batch_size=16, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=16, dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
