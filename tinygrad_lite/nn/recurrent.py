"""Recurrent layers: they run a cell along a sequence, in layers and in both directions, with PyTorch's names."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_lite.context import drawn
from tinygrad_lite.nn.recurrent_cells import Recurrent, State, affinely, checked, gru_step, lstm_step, simple_step
from tinygrad_lite.primitives.shaping import concatenate, stack
from tinygrad_lite.tensor import Tensor, as_tensor


class _Layers(Recurrent):
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
        proj_size: int = 0,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        self._sizes(input_size, hidden_size, bias)
        if proj_size and (self.states < 2 or not 0 < proj_size < hidden_size):
            raise ValueError(f"{type(self).__name__}: proj_size ({proj_size}) is an LSTM's, from 1 up to below "
                             f"hidden_size ({hidden_size})")  # fmt: skip
        if num_layers < 1 or not 0 <= dropout < 1:
            raise ValueError(f"{type(self).__name__}: num_layers ({num_layers}) is at least 1, dropout ({dropout}) "
                             "from 0 up to below 1")  # fmt: skip
        self.num_layers = num_layers
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.rng = np.random.default_rng(rng)
        for layer in range(num_layers):
            inputs = (proj_size or hidden_size) * len(self._ways()) if layer else input_size
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
        first = self._given(state, (count,) if single else (count, t.shape[1]), t.dtype)
        if single:
            first = tuple(s.reshape(count, 1, -1) for s in first)
        lasts: list[State] = []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                keep = drawn(self.rng, "random", t.shape, np.float32) >= self.dropout
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
        from_inputs = affinely(x, w_ih, b_ih)  # of every step at once: one product instead of T
        found: list[Tensor] = []
        for time in range(len(x))[:: -1 if backwards else 1]:
            state = self.step(from_inputs[time], affinely(state[0], w_hh, b_hh), state)
            if self.proj_size:
                state = affinely(state[0], getattr(self, f"weight_hr{suffix}"), None), *state[1:]
            found.append(state[0])
        return Tensor.record(stack, tuple(found[::-1] if backwards else found), {"axis": 0}), state

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.proj_size:
            parts.append(f"proj_size={self.proj_size}")
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
        self.nonlinearity = checked(self, nonlinearity)
        self.step = simple_step(nonlinearity)


class LSTM(_Layers):
    """LSTMCell along a sequence; the state is (h, c), both shaped as RNN's h.

    With `proj_size` P every h is W_hr of the cell's: it has P entries then, and only c has H.
    Source of the projection: Sak, Senior & Beaufays, Long short-term memory recurrent architectures, 2014.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> ys, (h, c) = nn.LSTM(3, 4, batch_first=True, bidirectional=True)(np.ones((2, 5, 3)))
    >>> ys.shape, h.shape, c.shape
    ((2, 5, 8), (2, 2, 4), (2, 2, 4))
    """

    gates, states, step = 4, 2, staticmethod(lstm_step)


class GRU(_Layers):
    """GRUCell along a sequence; shapes as RNN's.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> ys, h = nn.GRU(3, 4)(np.ones((5, 2, 3)))
    >>> ys.shape, h.shape
    ((5, 2, 4), (1, 2, 4))
    """

    gates, step = 3, staticmethod(gru_step)
