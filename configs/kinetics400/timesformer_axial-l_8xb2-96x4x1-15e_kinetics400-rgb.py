_base_ = [
    '../_base_/models/timesformer_imagenet.py',
    '../_base_/datasets/kinetics400_96x4x1_224.py',
    '../_base_/schedules/sgd_15e_paper.py',
    '../_base_/default_runtime.py',
]

model = dict(backbone=dict(attention_type='axial', num_frames=96, with_cp=True))
