_base_ = 'timesformer_divST-l_8xb2-96x4x1-15e_kinetics400-rgb.py'
model = dict(backbone=dict(attention_type='sparse_local_global'))
