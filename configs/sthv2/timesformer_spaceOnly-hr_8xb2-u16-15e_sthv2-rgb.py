_base_ = 'timesformer_divST-hr_8xb2-u16-15e_sthv2-rgb.py'
model = dict(backbone=dict(attention_type='space_only'))
