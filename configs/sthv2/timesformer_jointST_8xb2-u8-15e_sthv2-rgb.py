_base_ = 'timesformer_divST_8xb2-u8-15e_sthv2-rgb.py'
model = dict(backbone=dict(attention_type='joint_space_time'))
