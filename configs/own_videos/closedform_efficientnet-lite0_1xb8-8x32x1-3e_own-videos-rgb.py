# Any labelled videos on a CPU: a frozen image network and a ridge regression, three views of each
# clip. tools/prepare_dataset.py writes configs that inherit from this one.
_base_ = '../railway_yard/closedform_efficientnet-lite0_1xb8-8x32x1-3e_railway-yard-rgb.py'
