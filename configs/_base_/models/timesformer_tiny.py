_base_ = './timesformer.py'

model = dict(
    backbone=dict(arch='tiny', num_frames=8, img_size=112),
    cls_head=dict(in_channels=192, num_classes=4),
)
