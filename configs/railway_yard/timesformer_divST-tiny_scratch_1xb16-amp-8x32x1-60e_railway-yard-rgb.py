# No pretrained weights: a model small enough for a small set.
_base_ = [
    '../_base_/models/timesformer_tiny.py',
    '../_base_/datasets/railway_yard_8x32x1_112.py',
    '../_base_/schedules/adamw_60e_scratch.py',
    '../_base_/default_runtime.py',
]

model = dict(cls_head=dict(label_smooth_eps=0.1))
default_hooks = dict(checkpoint=dict(save_best='acc/mean1'))
