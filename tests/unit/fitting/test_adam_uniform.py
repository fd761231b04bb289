"""Adam with one scale for all numbers of a tensor."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from invrender.errors import UserError
from invrender.fitting.solve import AdamUniform


def test_its_steps_are_those_of_adam_for_a_single_number() -> None:
    one, other = (torch.tensor([3.0]).double().requires_grad_() for _ in range(2))
    uniform, adam = AdamUniform([one], lr=0.1, betas=(0.8, 0.95)), torch.optim.Adam([other], lr=0.1, betas=(0.8, 0.95))
    for _ in range(20):
        for leaf, optimizer in ((one, uniform), (other, adam)):
            optimizer.zero_grad()
            (leaf**2).sum().backward()
            optimizer.step()
    torch.testing.assert_close(one, other, rtol=1e-6, atol=0)


def test_a_step_keeps_the_direction_of_the_gradient_and_is_as_long_as_lr_says() -> None:
    leaf = torch.zeros(4, 3).double().requires_grad_()
    leaf.grad = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).double()
    AdamUniform([leaf], lr=0.01).step()
    torch.testing.assert_close(leaf.detach(), -0.01 * leaf.grad / leaf.grad.abs().max())


def test_a_gradient_of_zeros_moves_nothing_and_state_can_be_copied() -> None:
    leaf = torch.ones(3).requires_grad_()
    optimizer = AdamUniform([leaf], lr=0.1)
    leaf.grad = torch.zeros(3)
    optimizer.step()
    assert torch.equal(leaf.detach(), torch.ones(3))
    remembered = deepcopy(dict(optimizer.state[leaf]))
    assert set(remembered) == {"taken", "first", "second"}
    again = AdamUniform([leaf], lr=0.1)
    again.state[leaf] = remembered
    again.step()
    assert again.state[leaf]["taken"] == 2
    with pytest.raises(UserError, match="betas"):
        AdamUniform([leaf], betas=(0.9, 1.0))
