_base_ = [
    '../_base_/models/timesformer_imagenet.py',
    '../_base_/datasets/kinetics400_8x32x1_224.py',
    '../_base_/schedules/sgd_15e_paper.py',
    '../_base_/default_runtime.py',
]

model = dict(backbone=dict(attention_type='joint_space_time'))
