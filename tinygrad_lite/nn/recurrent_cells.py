"""Recurrent cells: the new state from the input and the old one. Gates, their order and the names are PyTorch's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_lite.nn.module import Module, Parameter
from tinygrad_lite.primitives.elementwise import relu, sigmoid, tanh
from tinygrad_lite.primitives.linear_algebra import affine
from tinygrad_lite.tensor import Tensor, as_tensor

State = tuple[Tensor, ...]  # (h,), or (h, c) of an LSTM


def affinely(x: Tensor, weight: Any, bias: Any) -> Tensor:
    return Tensor.record(affine, (x, weight) if bias is None else (x, weight, bias), {})


def _sigmoid(x: Any) -> Tensor:
    return Tensor.record(sigmoid, (x,), {})


def _tanh(x: Any) -> Tensor:
    return Tensor.record(tanh, (x,), {})


def simple_step(nonlinearity: str) -> Callable[[Tensor, Tensor, State], State]:
    row = {"tanh": tanh, "relu": relu}[nonlinearity]

    def step(from_input: Tensor, from_hidden: Tensor, state: State) -> State:
        return (Tensor.record(row, (from_input + from_hidden,), {}),)

    return step


def lstm_step(from_input: Tensor, from_hidden: Tensor, state: State) -> State:
    n = from_input.shape[-1] // 4
    z = from_input + from_hidden
    i, f, g, o = (z[..., k * n : (k + 1) * n] for k in range(4))
    c = _sigmoid(f) * state[1] + _sigmoid(i) * _tanh(g)
    return _sigmoid(o) * _tanh(c), c


def gru_step(from_input: Tensor, from_hidden: Tensor, state: State) -> State:
    n = from_input.shape[-1] // 3
    (ri, zi, ni), (rh, zh, nh) = ((t[..., :n], t[..., n : 2 * n], t[..., 2 * n :]) for t in (from_input, from_hidden))
    r, z = _sigmoid(ri + rh), _sigmoid(zi + zh)
    new = _tanh(ni + r * nh)
    return ((1 - z) * new + z * state[0],)


class Recurrent(Module):
    """What cells and layers share: sizes, and weights (gates * H, I) and (gates * H, H) uniform in +-1/sqrt(H).

    With a projection h has its size P, the second weights are (gates * H, P), and a third (P, H) makes h of H numbers.
    """

    gates = 1
    states = 1
    proj_size = 0
    step: Callable[[Tensor, Tensor, State], State]

    def _sizes(self, input_size: int, hidden_size: int, bias: bool) -> None:
        if input_size < 1 or hidden_size < 1:
            raise ValueError(f"{type(self).__name__}({input_size}, {hidden_size}): both sizes have to be at least 1")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias

    def _weights(self, inputs: int, suffix: str, rng: np.random.Generator, dtype: npt.DTypeLike) -> None:
        rows, bound = self.gates * self.hidden_size, 1 / math.sqrt(self.hidden_size)
        for kind, columns in (("ih", inputs), ("hh", self.proj_size or self.hidden_size)):
            setattr(self, f"weight_{kind}{suffix}", Parameter(rng.uniform(-bound, bound, (rows, columns)), dtype=dtype))
        for kind in ("ih", "hh"):
            bias = Parameter(rng.uniform(-bound, bound, rows), dtype=dtype) if self.bias else None
            setattr(self, f"bias_{kind}{suffix}", bias)
        if self.proj_size:
            projection = rng.uniform(-bound, bound, (self.proj_size, self.hidden_size))
            setattr(self, f"weight_hr{suffix}", Parameter(projection, dtype=dtype))

    def _of(self, suffix: str) -> list[Any]:
        return [getattr(self, f"{kind}{suffix}") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def _given(self, state: Any, before: tuple[int, ...], dtype: Any) -> State:
        """The initial state as a tuple, zeros if none is given; `before` is its shape but for the last axis."""
        shapes = ((*before, self.proj_size or self.hidden_size), (*before, self.hidden_size))[: self.states]
        if state is None:
            return tuple(Tensor(np.zeros(shape, dtype)) for shape in shapes)
        given = tuple(as_tensor(s) for s in (state if self.states > 1 else (state,)))
        if tuple(s.shape for s in given) != shapes:
            wanted = f"s {shapes[0]} and {shapes[1]}, (h, c)" if self.states > 1 else f" {shapes[0]}"
            raise ValueError(f"{self.summary()}: the state has shape{wanted}; got {[s.shape for s in given]}")
        return given


class _Cell(Recurrent):
    """One step of a recurrent network."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        self._sizes(input_size, hidden_size, bias)
        self._weights(input_size, "", np.random.default_rng(rng), dtype)

    def forward(self, x: Any, state: Any = None) -> Any:
        """The new state, from the input and the old one (zeros if none is given)."""
        t = as_tensor(x)
        if t.ndim not in (1, 2) or t.shape[-1] != self.input_size:
            raise ValueError(f"{self.summary()}: the input has shape (N, {self.input_size}), or is one example without "
                             f"N; got {t.shape}")  # fmt: skip
        old = self._given(state, t.shape[:-1], t.dtype)
        w_ih, w_hh, b_ih, b_hh = self._of("")
        new = self.step(affinely(t, w_ih, b_ih), affinely(old[0], w_hh, b_hh), old)
        return new if self.states > 1 else new[0]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it.

    Shapes: x (N, I), h (N, H) -> h' (N, H), all without N for one example.
    Source: Elman, Finding structure in time, 1990.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.RNNCell(3, 4)(np.ones((2, 3))).shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        rng: np.random.Generator | int | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, rng=rng, dtype=dtype)
        self.nonlinearity = checked(self, nonlinearity)
        self.step = simple_step(nonlinearity)

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


class LSTMCell(_Cell):
    """i, f, o = sigmoid, g = tanh of W_ih x + b_ih + W_hh h + b_hh; c' = f c + i g; h' = o tanh(c').

    The rows of the weights are those of i, f, g, o, in this order.
    Shapes: x (N, I), (h, c) each (N, H) -> (h', c'), all without N for one example.
    Source: Hochreiter & Schmidhuber, Long short-term memory, 1997; the gate f: Gers et al., 2000.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> h, c = nn.LSTMCell(3, 4)(np.ones((2, 3)))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    gates, states, step = 4, 2, staticmethod(lstm_step)


class GRUCell(_Cell):
    """r, z = sigmoid(W_i x + b_i + W_h h + b_h); n = tanh(W_in x + b_in + r (W_hn h + b_hn)); h' = (1 - z) n + z h.

    The rows of the weights are those of r, z, n, in this order.
    Shapes: x (N, I), h (N, H) -> h' (N, H), all without N for one example.
    Source: Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.GRUCell(3, 4)(np.ones((2, 3))).shape
    (2, 4)
    """

    gates, step = 3, staticmethod(gru_step)


def checked(module: Module, nonlinearity: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"{type(module).__name__}: nonlinearity is 'tanh' or 'relu', not {nonlinearity!r}")
    return nonlinearity
