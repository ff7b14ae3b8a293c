"""Attention: every position looks at every other, and takes a weighted mean of what it finds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_lite.context import drawn
from tinygrad_lite.functions import softmax
from tinygrad_lite.nn import init
from tinygrad_lite.nn.layers import Linear
from tinygrad_lite.nn.module import Module, Parameter
from tinygrad_lite.primitives.linear_algebra import affine
from tinygrad_lite.tensor import Tensor, as_tensor


class MultiheadAttention(Module):
    """softmax(Q K^T / sqrt(d)) V in num_heads subspaces of size d = E / num_heads, joined by an affine map.

    Q, K and V are affine maps of query, key and value. `attn_mask` (L, S), or (N heads, L, S), and `key_padding_mask`
    (N, S) are added to Q K^T / sqrt(d); of booleans, True means "do not look here". Returns the output and, if
    `need_weights`, the attention weights (N, L, S), averaged over the heads unless `average_attn_weights` is False.
    `add_bias_kv` adds a key and a value that are learnt, `add_zero_attn` a key and a value of zeros.
    Shapes: query (L, N, E), key (S, N, kdim), value (S, N, vdim) -> (L, N, E); with `batch_first` N goes first; no N
    for one example.
    Source: Vaswani et al., Attention is all you need, NeurIPS 2017.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> x = np.random.default_rng(0).standard_normal((2, 5, 8))
    >>> y, weights = nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)
    >>> y.shape, weights.shape
    ((2, 5, 8), (2, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim ({embed_dim}) is not divisible by num_heads ({num_heads})")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self.rng = rng = np.random.default_rng(rng)

        def weight(*shape: int) -> Parameter:
            return init.xavier_uniform_(Parameter(np.zeros(shape), dtype=dtype), rng=rng)

        if self.kdim == self.vdim == embed_dim:  # one matrix for all three: PyTorch's names depend on it
            self.in_proj_weight = weight(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight = weight(embed_dim, embed_dim)
            self.k_proj_weight = weight(embed_dim, self.kdim)
            self.v_proj_weight = weight(embed_dim, self.vdim)
        self.in_proj_bias = Parameter(np.zeros(3 * embed_dim), dtype=dtype) if bias else None
        self.add_zero_attn = add_zero_attn
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            self.bias_k, self.bias_v = (
                init.xavier_normal_(Parameter(np.zeros((1, 1, embed_dim)), dtype=dtype), rng=rng) for _ in "kv"
            )
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, rng=rng, dtype=dtype)
        if self.out_proj.bias is not None:
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The output, and the attention weights (None without need_weights); is_causal says that attn_mask is."""
        if is_causal and attn_mask is None:
            raise ValueError(
                "MultiheadAttention: is_causal only says something about attn_mask, which is missing. Give it: "
                "attn_mask=np.triu(np.ones((L, S), bool), 1)"
            )
        q, k, v = (as_tensor(t) for t in (query, key, value))
        single = q.ndim == 2
        self._check(q, k, v)
        if single:
            q, k, v = (t.reshape(1, *t.shape) for t in (q, k, v))
        elif not self.batch_first:
            q, k, v = (t.swapaxes(0, 1) for t in (q, k, v))
        n, length, seen = q.shape[0], q.shape[1], k.shape[1]
        q, k, v = (self._heads(t, i) for i, t in enumerate((q, k, v)))  # each (N, heads, ., d)
        k, v = self._more(k, self.bias_k), self._more(v, self.bias_v)
        added = k.shape[2] - seen  # places that every position may look at
        scores = (q * (1 / math.sqrt(q.shape[-1]))) @ k.swapaxes(-1, -2)
        if attn_mask is not None:
            mask = _added(attn_mask, scores.dtype, added)
            scores = scores + (mask.reshape(n, self.num_heads, length, -1) if mask.ndim == 3 else mask)
        if key_padding_mask is not None:
            scores = scores + _added(key_padding_mask, scores.dtype, added).reshape(n, 1, 1, -1)
        weights = softmax(scores)
        if self.dropout and self.training:
            keep = drawn(self.rng, "random", weights.shape, np.float32) >= self.dropout
            weights = weights * (keep * weights.dtype.type(1 / (1 - self.dropout)))
        joined = (weights @ v).swapaxes(1, 2).reshape(n, length, self.embed_dim)
        y = self.out_proj(joined)
        y = y.reshape(length, -1) if single else y if self.batch_first else y.swapaxes(0, 1)
        if not need_weights:
            return y, None
        shown = weights.mean(1) if average_attn_weights else weights
        return y, shown.reshape(*shown.shape[1:]) if single else shown

    def _check(self, q: Tensor, k: Tensor, v: Tensor) -> None:
        wanted = (self.embed_dim, self.kdim, self.vdim)
        if q.ndim not in (2, 3) or not q.ndim == k.ndim == v.ndim or (q.shape[-1], k.shape[-1], v.shape[-1]) != wanted:
            raise ValueError(
                f"{type(self).__name__}: query, key and value have shape "
                f"{'(N, L, .)' if self.batch_first else '(L, N, .)'} or (L, .), the last axis of size {wanted}; got "
                f"{q.shape}, {k.shape} and {v.shape}"
            )

    def _heads(self, t: Tensor, i: int) -> Tensor:
        """Q, K or V of each head: (N, heads, positions, d)."""
        e = self.embed_dim
        rows = slice(i * e, (i + 1) * e)
        if hasattr(self, "in_proj_weight"):
            weight: Tensor = self.in_proj_weight[rows]
        else:
            weight = getattr(self, ("q_proj_weight", "k_proj_weight", "v_proj_weight")[i])
        parts = (t, weight) if self.in_proj_bias is None else (t, weight, self.in_proj_bias[rows])
        z = Tensor.record(affine, parts, {})
        return z.reshape(*z.shape[:2], self.num_heads, e // self.num_heads).swapaxes(1, 2)

    def _more(self, t: Tensor, bias: Parameter | None) -> Tensor:
        """The keys or values of each head, with the learnt one and zeros after them, if wanted."""
        n, heads, _, d = t.shape
        parts: list[Any] = [t]
        if bias is not None:
            parts.append(np.broadcast_to(bias.reshape(1, heads, 1, d), (n, heads, 1, d)))
        if self.add_zero_attn:
            parts.append(np.zeros((n, heads, 1, d), t.dtype))
        return np.concatenate(parts, 2) if len(parts) > 1 else t  # type: ignore[return-value]  # of Tensors: a Tensor


def _added(mask: Any, dtype: Any, more: int) -> Any:
    """A mask as numbers to add: where it is True, minus infinity; nothing for the `more` places after it."""
    m = mask.current() if isinstance(mask, Tensor) else np.asarray(mask)
    numbers = np.where(m, -np.inf, 0.0).astype(dtype) if m.dtype.kind == "b" else m.astype(dtype)
    return np.pad(numbers, [(0, 0)] * (m.ndim - 1) + [(0, more)]) if more else numbers
