# For a few hundred clips of a few cameras, without a GPU, and for cameras that are not among them.
_base_ = [
    '../_base_/models/closed_form_lite0.py',
    '../_base_/datasets/railway_yard_8x32x1_224_cameras.py',
    '../_base_/schedules/closed_form_3e.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(checkpoint=dict(save_best=None))
