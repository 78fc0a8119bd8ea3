"""The smallest network here, to read and to teach with: two convolutions with pooling, then a third.

Source: LeCun et al., "Gradient-Based Learning Applied to Document Recognition" (1998), section II.B: 5x5 convolutions
to 6, 16 and 120 maps. Here batch norm, ReLU and max pooling replace tanh and the trained average pooling, and the mean
over the last maps replaces the dense layer, so that it takes any crop of at least 32x32 pixels.
"""

from __future__ import annotations

from torch import Tensor, nn


def layer(inputs: int, outputs: int) -> list[nn.Module]:
    """A 5x5 convolution without padding, batch norm and ReLU."""
    return [nn.Conv2d(inputs, outputs, 5, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


class LeNet(nn.Module):
    """Features (N, 120) of (N, 3, H, W), H and W at least 32."""

    features = 120

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *layer(3, 6), nn.MaxPool2d(2), *layer(6, 16), nn.MaxPool2d(2), *layer(16, self.features)
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y.mean(dim=(2, 3))
