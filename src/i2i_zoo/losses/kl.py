"""Kullback-Leibler divergence of latent codes."""

from torch import Tensor


def kl_loss(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)), summed over codes and batch as SPADE's authors do, unweighted.

    The two tensors have the same shape, whatever it is.
    """
    mean, log_variance = mean.float(), log_variance.float()
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
