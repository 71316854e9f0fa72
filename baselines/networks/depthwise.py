"""Depthwise convolutions of maps that are lower than their kernel: a quicker gradient, where torch's is slow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

#: What torch says of processors on which the gradient below was measured to be quicker (4 to 40 times, with oneDNN
#: 3.12, which on such maps multiplies one matrix for each channel). Elsewhere torch's own is kept, and its bytes.
MEASURED = ("AVX2",)


def with_quick_gradients(network: nn.Module) -> None:
    """Change the depthwise convolutions of a network in place; names, weights and outputs stay the same.

    Networks for photographs of 224 px end in maps of 7x7. Of images of 64 px they are 2x2, and these convolutions take
    a third of the time of a training step, for gradients that are zero at most places.
    """
    if torch.backends.cpu.get_cpu_capability() not in MEASURED:
        return
    for module in network.modules():
        if type(module) is nn.Conv2d and _is_depthwise(module):
            module.__class__ = DepthwiseConv2d


class DepthwiseConv2d(nn.Conv2d):
    """A convolution that passes as `nn.Conv2d`, and is one wherever that is as quick."""

    def forward(self, input: Tensor) -> Tensor:
        """Convolve maps (N, C, H, W)."""
        quick = (
            input.shape[2] < self.kernel_size[0]
            and input.device.type == "cpu"
            and input.dtype == self.weight.dtype == torch.float32
            and self.weight.requires_grad
            and torch.is_grad_enabled()
            and not _autocasts()
        )
        if not quick:
            return super().forward(input)
        outputs: Tensor = Depthwise.apply(input, self.weight, self.bias, self.padding)
        return outputs


class Depthwise(torch.autograd.Function):
    """Depthwise convolution of stride 1 that keeps the size of maps.

    The gradient of one weight is a sum over the pixels of products of the maps with the gradient, shifted against each
    other: the shifts that move one off the other are left out.
    """

    @staticmethod
    def forward(inputs: Tensor, weight: Tensor, bias: Tensor | None, padding: Sequence[int]) -> Tensor:
        """Convolve maps (N, C, H, W) with a weight (C, 1, K, L), K and L odd, and half of them as padding."""
        return functional.conv2d(inputs, weight, bias, padding=tuple(padding), groups=len(weight))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401 - as torch has it
        """Keep what the gradients need."""
        maps, weight, _, ctx.padding = inputs
        ctx.save_for_backward(maps, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        """Return the gradients of maps, weight and bias."""
        (above,), (maps, weight) = gradients, ctx.saved_tensors
        of_maps = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_maps = functional.conv2d(above, weight.flip(2, 3), padding=tuple(ctx.padding), groups=len(weight))
        if ctx.needs_input_grad[1]:
            of_weight = _of_weight(maps.permute(0, 2, 3, 1), above.permute(0, 2, 3, 1), weight)
        if ctx.needs_input_grad[2]:
            of_bias = above.sum((0, 2, 3))
        return of_maps, of_weight, of_bias, None


def _of_weight(maps: Tensor, above: Tensor, weight: Tensor) -> Tensor:
    """Return the gradient of the weight from maps and gradients (N, H, W, C), channels last as they are in memory."""
    rows, columns = weight.shape[2:]
    height, width = maps.shape[1:3]
    none = maps.new_zeros(maps.shape[-1])
    places = []
    for down in range(-(rows // 2), rows // 2 + 1):
        for right in range(-(columns // 2), columns // 2 + 1):
            if abs(down) >= height or abs(right) >= width:
                places.append(none)
                continue
            moved = maps[:, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
            still = above[:, max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)]
            places.append((moved * still).sum((0, 1, 2)))
    return torch.stack(places, 1).view_as(weight)


def _is_depthwise(module: nn.Conv2d) -> bool:
    """Say whether a convolution has one map per channel, and keeps the size of maps."""
    return (
        module.groups == module.in_channels == module.out_channels > 1
        and module.stride == module.dilation == (1, 1)
        and module.padding_mode == "zeros"
        and all(side % 2 and side > 1 for side in module.kernel_size)
        and module.padding == tuple(side // 2 for side in module.kernel_size)
    )


def _autocasts() -> bool:
    try:
        return torch.is_autocast_enabled("cpu")
    except TypeError:  # before torch 2.4
        return torch.is_autocast_cpu_enabled()
