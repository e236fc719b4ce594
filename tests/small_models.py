"""The names of the paper's schemes, and the smallest model that mmengine trains."""

from mmengine.model import BaseModel
from torch import Tensor, nn

SCHEMES = (
    'space_only',
    'joint_space_time',
    'divided_space_time',
    'sparse_local_global',
    'axial',
)
"""The paper's."""


class OneWeight(BaseModel):
    """The smallest model that mmengine trains."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, inputs: Tensor, mode: str = 'tensor') -> dict[str, Tensor] | list[float]:
        output = self.layer(inputs)
        return {'loss': output.square().mean()} if mode == 'loss' else output.flatten().tolist()
