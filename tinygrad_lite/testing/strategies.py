"""Hypothesis strategies for tests of programs on Tensors: shapes that broadcast, arrays off the kinks, networks.

>>> import numpy as np, tinygrad_lite as tl
>>> from hypothesis import given
>>> from tinygrad_lite.testing import strategies
>>> @given(strategies.arrays_for_broadcasting(2))
... def check(arrays):
...     assert tl.gradcheck(np.maximum, *arrays)
>>> check()
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tinygrad_lite import nn
from tinygrad_lite.intake import Array

try:
    import hypothesis.strategies as st
    from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes
except ImportError as error:
    raise ImportError(
        "tinygrad_lite.testing.strategies makes inputs with Hypothesis, which is not installed: pip install hypothesis"
    ) from error

Shape = tuple[int, ...]
ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Identity)


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 4) -> st.SearchStrategy[Shape]:
    """Shapes, the 0-d one among them; empty arrays too with `min_side=0`."""
    return array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


def broadcastable_shapes(
    count: int = 2, max_dims: int = 3, min_side: int = 1, max_side: int = 4
) -> st.SearchStrategy[tuple[Shape, ...]]:
    """`count` shapes that broadcast against each other."""
    return mutually_broadcastable_shapes(num_shapes=count, max_dims=max_dims, min_side=min_side, max_side=max_side).map(
        lambda found: found.input_shapes
    )


def arrays(
    shape: Shape | st.SearchStrategy[Shape],
    low: float = -4.0,
    high: float = 4.0,
    away_from: tuple[float, ...] = (0.0,),
    distance: float = 0.05,
    dtype: Any = np.float64,
) -> st.SearchStrategy[Array]:
    """Arrays with entries in [low, high], each at least `distance` from all of `away_from` and from each other.

    There relu, abs, max, sort and their kind have a derivative: no entry is at a kink, and no two tie.
    """

    @st.composite
    def build(draw: st.DrawFn) -> Array:
        size = draw(shape) if isinstance(shape, st.SearchStrategy) else shape
        count = int(np.prod(size, dtype=int))
        places = [v for v in np.arange(low, high, 2 * distance) if all(abs(v - k) >= 2 * distance for k in away_from)]
        if count > len(places):
            raise ValueError(f"no room for {count} entries, 2 * {distance} apart, in [{low}, {high}]: widen it")
        order = draw(st.permutations(range(len(places))))[:count]
        shift = draw(st.floats(-0.5, 0.5)) * distance
        return np.array([places[k] + shift for k in order], dtype).reshape(size)

    return build()


@st.composite
def arrays_for_broadcasting(draw: st.DrawFn, /, count: int = 2, **keywords: Any) -> tuple[Array, ...]:
    """`count` arrays that broadcast against each other, with no kinks and no ties, not even between them."""
    found = draw(broadcastable_shapes(count, max_dims=2, max_side=3))
    sizes = [int(np.prod(shape, dtype=int)) for shape in found]
    flat = draw(arrays((sum(sizes),), **keywords))
    cuts = np.cumsum([0, *sizes])
    return tuple(flat[a:b].reshape(shape) for a, b, shape in zip(cuts[:-1], cuts[1:], found, strict=True))


@st.composite
def networks(draw: st.DrawFn, max_layers: int = 3, max_width: int = 4, max_batch: int = 4) -> tuple[nn.Module, Array]:
    """A random network of `Linear` layers and activations, and a batch of inputs for it."""
    widths = draw(st.lists(st.integers(1, max_width), min_size=2, max_size=max_layers + 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers.append(nn.Linear(fan_in, fan_out, bias=draw(st.booleans()), rng=rng))
        layers.append(draw(st.sampled_from(ACTIVATIONS))())
    return nn.Sequential(*layers), rng.normal(size=(draw(st.integers(1, max_batch)), widths[0]))
