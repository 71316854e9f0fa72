"""Batch norms that use the statistics of the test batch.

A variance needs two values. A norm that gets fewer per channel (one image with a 1 x 1 feature map) uses the source's
statistics; the others use the batch's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...shifts.errors import MedshiftError


def with_batch_statistics(network: nn.Module, prior: float) -> nn.Module:
    """Make a network's batch norms use statistics of the batch, mixed with the source's; change it in place.

    Args:
        network: In evaluation mode.
        prior: Weight of the source's statistics, as a number of images.

    Raises:
        MedshiftError: The network has no batch norm.
    """
    norms = batch_norms(network)
    if not prior:
        return forget_statistics(network)
    for norm in norms:
        norm.register_forward_pre_hook(_Mix(prior, norm))
    return network


def forget_statistics(network: nn.Module) -> nn.Module:
    """Make the batch norms of a network, if any, use only statistics of the batch, differentiably, in place."""
    for norm in _batch_norms(network):
        norm.register_forward_pre_hook(_Forget(norm))
        norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
    return network


def batch_norms(network: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    """List the batch norms of a network.

    Raises:
        MedshiftError: The network has none.
    """
    norms = _batch_norms(network)
    if not norms:
        raise MedshiftError("this architecture has no batch norm to adapt: choose another arch")
    return norms


def _batch_norms(network: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    return [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


class _Forget:
    """Pre-hook that removes a norm's running statistics, so that it uses the batch's, if the batch has any."""

    def __init__(self, norm: nn.modules.batchnorm._BatchNorm) -> None:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        self.mean, self.var = norm.running_mean.clone(), norm.running_var.clone()

    def __call__(self, norm: nn.modules.batchnorm._BatchNorm, inputs: tuple[Tensor]) -> None:
        """Decide by this batch alone: the source's statistics are kept in the hook."""
        norm.running_mean, norm.running_var = (self.mean, self.var) if _single(inputs[0]) else (None, None)


class _Mix(_Forget):
    """Pre-hook that sets a norm's running statistics to those of its input, mixed with the source's."""

    def __init__(self, prior: float, norm: nn.modules.batchnorm._BatchNorm) -> None:
        super().__init__(norm)
        self.prior = prior

    def __call__(self, norm: nn.modules.batchnorm._BatchNorm, inputs: tuple[Tensor]) -> None:
        """Decide by this batch alone."""
        (x,) = inputs
        if _single(x):
            norm.running_mean, norm.running_var = self.mean, self.var
            return
        mean, var = torch.zeros_like(self.mean), torch.zeros_like(self.var)
        # many times faster than torch.var_mean on channels-last tensors; the variance is the unbiased one
        nn.functional.batch_norm(x, mean, var, training=True, momentum=1.0)
        count = x.numel() / x.shape[1]
        var *= (count - 1) / count
        share = len(x) / (len(x) + self.prior)
        # no term for the distance of the means, as in Schneider et al.
        norm.running_mean = share * mean + (1 - share) * self.mean
        norm.running_var = share * var + (1 - share) * self.var


def _single(x: Tensor) -> bool:
    """Return whether a norm's input has fewer than two values per channel."""
    return x.numel() < 2 * x.shape[1]
