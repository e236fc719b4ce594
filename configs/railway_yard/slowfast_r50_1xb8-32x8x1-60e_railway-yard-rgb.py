# From scratch; to start from Kinetics-400, put mmaction2's checkpoint of
# slowfast_r50_8xb8-8x8x1-256e_kinetics400-rgb into load_from.
_base_ = [
    '../_base_/models/slowfast_r50.py',
    '../_base_/datasets/railway_yard_32x8x1_224.py',
    '../_base_/schedules/sgd_60e_cnn.py',
    '../_base_/default_runtime.py',
]

model = dict(cls_head=dict(num_classes=4, topk=(1,)))
default_hooks = dict(checkpoint=dict(save_best='acc/mean1'))
