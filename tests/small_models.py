"""The smallest model that mmengine trains."""

from mmengine.model import BaseModel
from torch import Tensor, nn


class OneWeight(BaseModel):
    """The smallest model that mmengine trains."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, inputs: Tensor, mode: str = 'tensor') -> dict[str, Tensor] | list[float]:
        output = self.layer(inputs)
        return {'loss': output.square().mean()} if mode == 'loss' else output.flatten().tolist()
