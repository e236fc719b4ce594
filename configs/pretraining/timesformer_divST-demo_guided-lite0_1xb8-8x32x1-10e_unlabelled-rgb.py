# Locality guidance on videos without labels: the patch embedding and the blocks imitate an image
# network's feature maps, and nothing is hidden.
_base_ = './timesformer_divST-demo_masked-lite0_1xb8-8x32x1-10e_unlabelled-rgb.py'

model = dict(mask_ratio=0.0)
