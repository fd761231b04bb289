"""The rules of others, as the benchmarks state them, give the gradient that they are meant to give."""

from __future__ import annotations

import pytest
import torch
from shapes import facing, joined, scene, slope, thing, with_vertices

from invrender.render.base import render_scene


# A square that reaches 16 × corner pixels from the middle to each side, and covers 6, 8 and 8 pixels' centres.
@pytest.mark.parametrize(("corner", "shown", "blended"), [(0.21, 6, 7), (0.24, 8, 7), (0.27, 8, 9)])
def test_a_square_that_moves_takes_its_outline_along(corner: float, shown: int, blended: int) -> None:
    from edge_rules import RuleRenderer, micro_edges, silhouette_blending

    # The sum of x over the square changes by its height times the distance of its sides: of the borders of pixels, or
    # of the pixels that the sides cut.
    for rule, across in ((micro_edges, shown), (silhouette_blending, blended)):
        square = facing(corner, 1.0)
        vertices = square.vertices.clone().requires_grad_()
        rendered = render_scene(RuleRenderer(rule), with_vertices(scene(thing(square)), vertices))
        columns = torch.arange(16).double().expand(16, 16)
        moving = slope(rendered.alpha, columns, vertices)[:, 0].sum()
        # Blending misses a side where the pixel beside it shows the square's other face, at the diagonal's end.
        assert float(moving) == pytest.approx(16 * shown * across, rel=0.1)


@pytest.mark.parametrize("name", ["silhouette_blending", "micro_edges"])
def test_what_is_hidden_gets_no_gradient(name: str) -> None:
    import edge_rules

    near, far = facing(0.25, 1.0), facing(0.3, 2.0)
    both = joined([near, far])
    vertices = both.vertices.clone().requires_grad_()
    rendered = render_scene(
        edge_rules.RuleRenderer(getattr(edge_rules, name)), with_vertices(scene(thing(both)), vertices)
    )
    found = slope(rendered.alpha, torch.ones_like(rendered.alpha), vertices)
    assert found[: len(near.vertices)].abs().max() > 1
    assert found[len(near.vertices) :].abs().max() == 0
