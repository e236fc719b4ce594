# Any labelled videos on a CPU without ImageNet weights: a dictionary of the clips' own patches and
# a ridge regression, three views of each clip. For cameras that training has not seen.
_base_ = [
    '../_base_/models/closed_form_patches.py',
    '../_base_/datasets/railway_yard_8x32x1_84x112_cameras.py',
    '../_base_/schedules/closed_form_3e.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(checkpoint=dict(save_best=None))
