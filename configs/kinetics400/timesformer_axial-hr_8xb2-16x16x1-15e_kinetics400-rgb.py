_base_ = 'timesformer_divST-hr_8xb2-16x16x1-15e_kinetics400-rgb.py'
model = dict(backbone=dict(attention_type='axial'))
