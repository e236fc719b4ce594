_base_ = [
    '../_base_/models/timesformer_imagenet.py',
    '../_base_/datasets/sthv2_u8_224.py',
    '../_base_/schedules/sgd_15e_paper.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(attention_type='sparse_local_global'),
    cls_head=dict(num_classes=174),
)
