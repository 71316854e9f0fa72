"""Batch norm that looks at the batch at hand while predicting.

A variance takes two values. Where a batch gives a norm fewer in a channel, as one image does whose feature map is down
to 1 x 1, that norm uses the source's statistics, and the others the batch's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...shifts.errors import MedshiftError


def with_batch_statistics(network: nn.Module, prior: float) -> nn.Module:
    """Returns the network, its batch norms turned to statistics of the batch, mixed with the source's.

    Raises:
        MedshiftError: It has no batch norm.
    """
    if not prior:
        return forget_statistics(network)
    for norm in batch_norms(network):
        norm.register_forward_pre_hook(_Mix(prior, norm))
    return network


def forget_statistics(network: nn.Module) -> nn.Module:
    """Returns the network, its batch norms left with the statistics of the batch alone, differentiably.

    Raises:
        MedshiftError: It has no batch norm.
    """
    for norm in batch_norms(network):
        norm.register_forward_pre_hook(_Forget(norm))
        norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
    return network


def batch_norms(network: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    """Returns the batch norms of a network.

    Raises:
        MedshiftError: It has none.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        raise MedshiftError("this architecture has no batch norm to adapt: take another arch")
    return norms


class _Forget:
    """Leaves a norm without running statistics, so that it takes the batch's, unless the batch has none."""

    def __init__(self, norm: nn.modules.batchnorm._BatchNorm) -> None:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        self.mean, self.var = norm.running_mean.clone(), norm.running_var.clone()

    def __call__(self, norm: nn.modules.batchnorm._BatchNorm, inputs: tuple[Tensor]) -> None:
        """Keep nothing of earlier batches: the source's statistics are stored apart."""
        norm.running_mean, norm.running_var = (self.mean, self.var) if _single(inputs[0]) else (None, None)


class _Mix(_Forget):
    """Sets a norm's running statistics to those of its input, mixed with the source's, just before it uses them."""

    def __init__(self, prior: float, norm: nn.modules.batchnorm._BatchNorm) -> None:
        super().__init__(norm)
        self.prior = prior

    def __call__(self, norm: nn.modules.batchnorm._BatchNorm, inputs: tuple[Tensor]) -> None:
        """Keep nothing of earlier batches here either."""
        (x,) = inputs
        if _single(x):
            norm.running_mean, norm.running_var = self.mean, self.var
            return
        mean, var = torch.zeros_like(self.mean), torch.zeros_like(self.var)
        # many times as fast as torch.var_mean over channels that lie last; its variance is the unbiased one
        nn.functional.batch_norm(x, mean, var, training=True, momentum=1.0)
        count = x.numel() / x.shape[1]
        var *= (count - 1) / count
        share = len(x) / (len(x) + self.prior)
        # of a mixture of two populations: no term between the means, as in Schneider et al.
        norm.running_mean = share * mean + (1 - share) * self.mean
        norm.running_var = share * var + (1 - share) * self.var


def _single(x: Tensor) -> bool:
    """Tells whether a norm's input has fewer than two values in a channel."""
    return x.numel() < 2 * x.shape[1]
