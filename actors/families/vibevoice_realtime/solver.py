"""DPM-Solver++ of second order (Lu et al. 2022), midpoint form, as VibeVoice's diffusion runs it: a table of numbers.

Source: microsoft/VibeVoice ``vibevoice/schedule/dpm_solver.py`` (from diffusers), with its cosine schedule, ``linspace``
timesteps, velocity prediction and a last step of first order that ends without noise.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_MAX_BETA = 0.999
_COSINE_OFFSET = 0.008  # Nichol & Dhariwal 2021


@dataclass(frozen=True)
class SolverStep:
    """One step: ``x0 = alpha * x - sigma * velocity``, then ``x = a * x + b0 * x0 + b1 * x0_before + noise * epsilon``."""

    timestep: int
    alpha: float
    sigma: float
    a: float
    b0: float
    b1: float
    noise: float


@lru_cache(maxsize=64)
def solver_steps(steps: int, train_steps: int, stochastic: bool) -> tuple[SolverStep, ...]:
    """Return the steps from noise to a sample.

    Args:
        steps: how many; at most half of ``train_steps``, so that no two have one timestep.
        train_steps: how many the model was trained with.
        stochastic: draw fresh noise at every step but the last (``sde-dpmsolver++``).
    """
    timesteps = np.linspace(0, train_steps - 1, steps + 1).round()[::-1][:-1].astype(int)
    cumulative = _cumulative_alphas(train_steps)[timesteps]
    noise_ratio = np.sqrt((1 - cumulative) / cumulative)
    alphas = 1 / np.sqrt(noise_ratio**2 + 1)
    sigmas = noise_ratio * alphas
    lambdas = -np.log(noise_ratio)  # half the log of the signal-to-noise ratio
    table = []
    for i in range(steps):
        last = i == steps - 1
        h = math.inf if last else float(lambdas[i + 1] - lambdas[i])
        alpha, sigma = (1.0, 0.0) if last else (float(alphas[i + 1]), float(sigmas[i + 1]))
        decay = math.exp(-h)
        gain = alpha * (1 - decay**2 if stochastic else 1 - decay)
        # x0 and half of its slope: the slope is what changed since the step before, which was not as long as this one.
        slope = 0.0 if last or i == 0 else h / float(lambdas[i] - lambdas[i - 1]) / 2
        table.append(
            SolverStep(
                timestep=int(timesteps[i]),
                alpha=float(alphas[i]),
                sigma=float(sigmas[i]),
                a=sigma / float(sigmas[i]) * (decay if stochastic else 1.0),
                b0=gain * (1 + slope),
                b1=-gain * slope,
                noise=sigma * math.sqrt(1 - decay**2) if stochastic else 0.0,
            )
        )
    return tuple(table)


def _cumulative_alphas(train_steps: int) -> np.ndarray:
    """The share of the signal's power that is left at every timestep, ``[train_steps]``, rounded where PyTorch rounds."""
    edges = np.arange(train_steps + 1) / train_steps
    alpha_bar = np.cos((edges + _COSINE_OFFSET) / (1 + _COSINE_OFFSET) * math.pi / 2) ** 2
    betas = np.minimum(1 - alpha_bar[1:] / alpha_bar[:-1], _MAX_BETA).astype(np.float32)
    cumulative: np.ndarray = np.cumprod(1 - betas, dtype=np.float64).astype(np.float32).astype(np.float64)
    return cumulative
