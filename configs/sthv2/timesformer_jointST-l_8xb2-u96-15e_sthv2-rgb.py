_base_ = 'timesformer_divST-l_8xb2-u96-15e_sthv2-rgb.py'
model = dict(backbone=dict(attention_type='joint_space_time'))
