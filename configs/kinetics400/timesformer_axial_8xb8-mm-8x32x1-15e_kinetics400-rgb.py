_base_ = [
    '../_base_/models/timesformer_imagenet.py',
    '../_base_/datasets/kinetics400_8x32x1_224.py',
    '../_base_/schedules/sgd_15e_mm.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(attention_type='axial'),
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
)
train_dataloader = dict(batch_size=8)
val_dataloader = dict(batch_size=8)
