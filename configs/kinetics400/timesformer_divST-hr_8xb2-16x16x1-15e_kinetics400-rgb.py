_base_ = [
    '../_base_/models/timesformer_imagenet.py',
    '../_base_/datasets/kinetics400_16x16x1_448.py',
    '../_base_/schedules/sgd_15e_paper.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(attention_type='divided_space_time', num_frames=16, img_size=448, with_cp=True)
)
