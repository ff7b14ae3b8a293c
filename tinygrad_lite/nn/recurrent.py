"""Recurrent cells, and the layers that run them along a sequence. Gates, their order and the names are PyTorch's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_lite.nn.module import Module, Parameter
from tinygrad_lite.primitives.elementwise import relu, sigmoid, tanh
from tinygrad_lite.primitives.linear_algebra import affine
from tinygrad_lite.primitives.shaping import concatenate, stack
from tinygrad_lite.tensor import Tensor, as_tensor

State = tuple[Tensor, ...]  # (h,), or (h, c) of an LSTM


def _affine(x: Tensor, weight: Any, bias: Any) -> Tensor:
    return Tensor.record(affine, (x, weight) if bias is None else (x, weight, bias), {})


def _sigmoid(x: Any) -> Tensor:
    return Tensor.record(sigmoid, (x,), {})


def _tanh(x: Any) -> Tensor:
    return Tensor.record(tanh, (x,), {})


def _simple(nonlinearity: str) -> Callable[[Tensor, Tensor, State], State]:
    row = {"tanh": tanh, "relu": relu}[nonlinearity]

    def step(from_input: Tensor, from_hidden: Tensor, state: State) -> State:
        return (Tensor.record(row, (from_input + from_hidden,), {}),)

    return step


def _lstm(from_input: Tensor, from_hidden: Tensor, state: State) -> State:
    n = from_input.shape[-1] // 4
    z = from_input + from_hidden
    i, f, g, o = (z[..., k * n : (k + 1) * n] for k in range(4))
    c = _sigmoid(f) * state[1] + _sigmoid(i) * _tanh(g)
    return _sigmoid(o) * _tanh(c), c


def _gru(from_input: Tensor, from_hidden: Tensor, state: State) -> State:
    n = from_input.shape[-1] // 3
    (ri, zi, ni), (rh, zh, nh) = ((t[..., :n], t[..., n : 2 * n], t[..., 2 * n :]) for t in (from_input, from_hidden))
    r, z = _sigmoid(ri + rh), _sigmoid(zi + zh)
    new = _tanh(ni + r * nh)
    return ((1 - z) * new + z * state[0],)


class _Recurrent(Module):
    """What cells and layers share: sizes, and weights (gates * H, I) and (gates * H, H) uniform in +-1/sqrt(H)."""

    gates = 1
    states = 1
    step: Callable[[Tensor, Tensor, State], State]

    def _sizes(self, input_size: int, hidden_size: int, bias: bool) -> None:
        if input_size < 1 or hidden_size < 1:
            raise ValueError(f"{type(self).__name__}({input_size}, {hidden_size}): both sizes have to be at least 1")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias

    def _weights(self, inputs: int, suffix: str, rng: np.random.Generator, dtype: npt.DTypeLike) -> None:
        rows, bound = self.gates * self.hidden_size, 1 / math.sqrt(self.hidden_size)
        for kind, columns in (("ih", inputs), ("hh", self.hidden_size)):
            setattr(self, f"weight_{kind}{suffix}", Parameter(rng.uniform(-bound, bound, (rows, columns)), dtype=dtype))
        for kind in ("ih", "hh"):
            bias = Parameter(rng.uniform(-bound, bound, rows), dtype=dtype) if self.bias else None
            setattr(self, f"bias_{kind}{suffix}", bias)

    def _of(self, suffix: str) -> list[Any]:
        return [getattr(self, f"{kind}{suffix}") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def _given(self, state: Any, shape: tuple[int, ...], dtype: Any) -> State:
        """The initial state as a tuple, zeros if none is given."""
        if state is None:
            return tuple(Tensor(np.zeros(shape, dtype)) for _ in range(self.states))
        given = tuple(as_tensor(s) for s in (state if self.states > 1 else (state,)))
        if len(given) != self.states or any(s.shape != shape for s in given):
            raise ValueError(
                f"{self.summary()}: the state has shape {shape}{' twice, (h, c)' if self.states > 1 else ''}; got "
                f"{[s.shape for s in given]}"
            )
        return given


class _Cell(_Recurrent):
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
        old = self._given(state, (*t.shape[:-1], self.hidden_size), t.dtype)
        w_ih, w_hh, b_ih, b_hh = self._of("")
        new = self.step(_affine(t, w_ih, b_ih), _affine(old[0], w_hh, b_hh), old)
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
        self.nonlinearity = _checked(self, nonlinearity)
        self.step = _simple(nonlinearity)

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

    gates, states, step = 4, 2, staticmethod(_lstm)


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

    gates, step = 3, staticmethod(_gru)


class _Layers(_Recurrent):
    """Cells run along a sequence, in one or more layers, in one direction or both."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        self._sizes(input_size, hidden_size, bias)
        if num_layers < 1 or not 0 <= dropout < 1:
            raise ValueError(f"{type(self).__name__}: num_layers ({num_layers}) is at least 1, dropout ({dropout}) "
                             "from 0 up to below 1")  # fmt: skip
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.rng = np.random.default_rng(rng)
        for layer in range(num_layers):
            inputs = hidden_size * len(self._ways()) if layer else input_size
            for way in self._ways():
                self._weights(inputs, f"_l{layer}{way}", self.rng, dtype)

    def _ways(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def forward(self, x: Any, state: Any = None) -> Any:
        """The last layer's h at every time, and every layer's state after the last."""
        t = as_tensor(x)
        single = t.ndim == 2
        if t.ndim not in (2, 3) or t.shape[-1] != self.input_size:
            raise ValueError(
                f"{self.summary()}: the input has shape {'(N, T, I)' if self.batch_first else '(T, N, I)'}, or (T, I) "
                f"for one sequence, with I = {self.input_size}; got {t.shape}"
            )
        if single:
            t = t.reshape(t.shape[0], 1, -1)
        elif self.batch_first:
            t = t.swapaxes(0, 1)
        count = self.num_layers * len(self._ways())
        shape = (count, self.hidden_size) if single else (count, t.shape[1], self.hidden_size)
        first = self._given(state, shape, t.dtype)
        if single:
            first = tuple(s.reshape(count, 1, -1) for s in first)
        lasts: list[State] = []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                keep = self.rng.random(t.shape, np.float32) >= self.dropout
                t = t * (keep * t.dtype.type(1 / (1 - self.dropout)))
            outputs = []
            for way in self._ways():
                ys, last = self._run(t, tuple(s[len(lasts)] for s in first), f"_l{layer}{way}", way != "")
                outputs.append(ys)
                lasts.append(last)
            t = outputs[0] if len(outputs) == 1 else Tensor.record(concatenate, tuple(outputs), {"axis": -1})
        finals = tuple(Tensor.record(stack, parts, {"axis": 0}) for parts in zip(*lasts, strict=True))
        if single:
            t, finals = t.reshape(t.shape[0], -1), tuple(s.reshape(count, -1) for s in finals)
        elif self.batch_first:
            t = t.swapaxes(0, 1)
        return t, finals if self.states > 1 else finals[0]

    def _run(self, x: Tensor, state: State, suffix: str, backwards: bool) -> tuple[Tensor, State]:
        """One layer in one direction: all h (T, N, H), and the state after the last step."""
        w_ih, w_hh, b_ih, b_hh = self._of(suffix)
        from_inputs = _affine(x, w_ih, b_ih)  # of every step at once: one product instead of T
        found: list[Tensor] = []
        for time in range(len(x))[:: -1 if backwards else 1]:
            state = self.step(from_inputs[time], _affine(state[0], w_hh, b_hh), state)
            found.append(state[0])
        return Tensor.record(stack, tuple(found[::-1] if backwards else found), {"axis": 0}), state

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.num_layers != 1:
            parts.append(f"num_layers={self.num_layers}")
        if not self.bias:
            parts.append("bias=False")
        if self.batch_first:
            parts.append("batch_first=True")
        if self.dropout:
            parts.append(f"dropout={self.dropout}")
        if self.bidirectional:
            parts.append("bidirectional=True")
        return ", ".join(parts)


class RNN(_Layers):
    """RNNCell along a sequence: h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), or relu of it.

    Shapes: x (T, N, I), or (N, T, I) with `batch_first`, or (T, I); h_0 (layers * directions, N, H) -> the last
    layer's h at every time (T, N, directions * H), and h after the last time, shaped as h_0.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> ys, h = nn.RNN(3, 4, num_layers=2)(np.ones((5, 2, 3)))
    >>> ys.shape, h.shape
    ((5, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, rng=rng,
                         dtype=dtype)  # fmt: skip
        self.nonlinearity = _checked(self, nonlinearity)
        self.step = _simple(nonlinearity)


class LSTM(_Layers):
    """LSTMCell along a sequence; the state is (h, c), both shaped as RNN's h.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> ys, (h, c) = nn.LSTM(3, 4, batch_first=True, bidirectional=True)(np.ones((2, 5, 3)))
    >>> ys.shape, h.shape, c.shape
    ((2, 5, 8), (2, 2, 4), (2, 2, 4))
    """

    gates, states, step = 4, 2, staticmethod(_lstm)


class GRU(_Layers):
    """GRUCell along a sequence; shapes as RNN's.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> ys, h = nn.GRU(3, 4)(np.ones((5, 2, 3)))
    >>> ys.shape, h.shape
    ((5, 2, 4), (1, 2, 4))
    """

    gates, step = 3, staticmethod(_gru)


def _checked(module: Module, nonlinearity: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"{type(module).__name__}: nonlinearity is 'tanh' or 'relu', not {nonlinearity!r}")
    return nonlinearity
