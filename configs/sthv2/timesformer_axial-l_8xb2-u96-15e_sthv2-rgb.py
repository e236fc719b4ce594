_base_ = [
    '../_base_/models/timesformer_imagenet.py',
    '../_base_/datasets/sthv2_u96_224.py',
    '../_base_/schedules/sgd_15e_paper.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(attention_type='axial', num_frames=96, with_cp=True),
    cls_head=dict(num_classes=174),
)
