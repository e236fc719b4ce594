_base_ = './timesformer.py'

# The image ViT that mmaction2's own TimeSformer starts from.
model = dict(
    backbone=dict(
        pretrained='https://download.openmmlab.com/mmaction/recognition/timesformer/'
        'vit_base_patch16_224.pth'
    )
)
