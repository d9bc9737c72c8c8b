from collections.abc import Mapping

import numpy as np
import pytest

from actors.families.vibevoice_realtime.solver import solver_steps


@pytest.mark.parametrize("steps", [5, 10, 20])
def test_steps_are_those_of_the_original(steps: int, vibevoice_oracle: Mapping[str, np.ndarray]) -> None:
    plain, stochastic = solver_steps(steps, 1000, False), solver_steps(steps, 1000, True)
    rows = [[p.alpha, p.sigma, p.a, p.b0, p.b1, s.a, s.b0, s.b1, s.noise] for p, s in zip(plain, stochastic, strict=True)]
    np.testing.assert_allclose(rows, vibevoice_oracle[f"solver_{steps}"], atol=1e-12)
    assert [step.timestep for step in plain] == vibevoice_oracle[f"timesteps_{steps}"].tolist()


@pytest.mark.parametrize("kind", ["ode", "sde"])
def test_trajectory_is_that_of_the_original(kind: str, vibevoice_oracle: Mapping[str, np.ndarray]) -> None:
    velocities, expected, noise = (vibevoice_oracle[f"sched_{kind}_5_{name}"] for name in ("v", "x", "noise"))
    x, before = expected[0], np.zeros_like(expected[0])
    for i, step in enumerate(solver_steps(5, 1000, kind == "sde")):
        clean = step.alpha * x - step.sigma * velocities[i]
        x = step.a * x + step.b0 * clean + step.b1 * before + step.noise * noise[i]
        before = clean
        np.testing.assert_allclose(x, expected[i + 1], atol=5e-6)


@pytest.mark.parametrize("steps", [1, 2, 37, 500])
def test_any_number_of_steps_ends_at_the_clean_sample(steps: int) -> None:
    table = solver_steps(steps, 1000, False)
    assert len({step.timestep for step in table}) == steps
    assert (table[-1].a, table[-1].b0, table[-1].b1) == (0.0, 1.0, 0.0)
    assert all(np.isfinite([step.a, step.b0, step.b1]).all() for step in table)
