"""Networks as a student writes them out by hand, forward and backward: what is wrong is put in by exchanging lines."""

from __future__ import annotations

import numpy as np

import tinygrad_lite as tl
from tests.checking.handwork import (
    Network,
    binary_entropy,
    entropy,
    normalised,
    of_images,
    over_time,
    sigma,
    through_a_residual,
)

rng = np.random.default_rng(5)
normal = rng.standard_normal

NETWORKS: dict[str, Network] = {
    "columns": Network(
        {"W1": np.array([[-1.0, 0.2], [0.8, 0.5], [0.3, -0.1]]), "b1": normal((3, 1)) / 10, "W2": normal((1, 3)),
         "x": np.array([[1.3], [0.7]]), "y": np.array([[2.0]])},
        ("W1", "b1", "W2"),
        lambda W1, b1, W2, x, y: np.sum((W2 @ tl.relu(W1 @ x + b1) - y) ** 2) / 2,
        """
z1 = W1 @ x + b1
h1 = np.maximum(z1, 0)
a = W2 @ h1
da = a - y
dW2 = da @ h1.T
dh1 = W2.T @ da
dz1 = dh1 * (z1 > 0)
db1 = dz1
dW1 = dz1 @ x.T
""",
    ),
    "softmax": Network(
        {"W1": normal((4, 5)), "b1": normal(5), "W2": normal((5, 3)), "b2": normal(3),
         "X": normal((6, 4)), "Y": np.eye(3)[[0, 2, 1, 1, 0, 2]]},
        ("W1", "b1", "W2", "b2"),
        lambda W1, b1, W2, b2, X, Y: entropy(tl.relu(X @ W1 + b1) @ W2 + b2, Y),
        """
N = X.shape[0]
z1 = X @ W1 + b1
h1 = np.maximum(0, z1)
logits = h1 @ W2 + b2
e = np.exp(logits - logits.max(axis=1, keepdims=True))
p = e / e.sum(axis=1, keepdims=True)
dlogits = (p - Y) / N
dW2 = h1.T @ dlogits
db2 = dlogits.sum(axis=0)
dh1 = dlogits @ W2.T
dz1 = dh1 * (z1 > 0)
dW1 = X.T @ dz1
db1 = dz1.sum(axis=0)
del e, p, N
""",
    ),
    "sigmoid": Network(
        {"W1": normal((3, 4)), "b1": normal(4), "W2": normal((4, 1)), "b2": normal(1),
         "X": normal((5, 3)), "y": np.array([[1.0], [0.0], [0.0], [1.0], [1.0]])},
        ("W1", "b1", "W2", "b2"),
        binary_entropy,
        """
N = len(X)
z1 = X @ W1 + b1
h1 = 1 / (1 + np.exp(-z1))
z2 = h1 @ W2 + b2
p = 1 / (1 + np.exp(-z2))
dz2 = (p - y) / N
dW2 = h1.T @ dz2
db2 = dz2.sum(axis=0)
dh1 = dz2 @ W2.T
dz1 = dh1 * h1 * (1 - h1)
dW1 = X.T @ dz1
db1 = dz1.sum(axis=0)
""",
    ),
    "tanh": Network(
        {"W1": normal((3, 4)), "b1": normal(4), "W2": normal((4, 4)), "b2": normal(4), "W3": normal((4, 2)),
         "b3": normal(2), "X": normal((5, 3)), "Y": normal((5, 2))},
        ("W1", "b1", "W2", "b2", "W3", "b3"),
        lambda W1, b1, W2, b2, W3, b3, X, Y:
        np.sum((np.tanh(np.tanh(X @ W1 + b1) @ W2 + b2) @ W3 + b3 - Y) ** 2) / (2 * len(X)),
        """
N = len(X)
z1 = X @ W1 + b1
h1 = np.tanh(z1)
z2 = h1 @ W2 + b2
h2 = np.tanh(z2)
out = h2 @ W3 + b3
dout = (out - Y) / N
dW3 = h2.T @ dout
db3 = dout.sum(0)
dh2 = dout @ W3.T
dz2 = dh2 * (1 - h2**2)
dW2 = h1.T @ dz2
db2 = dz2.sum(0)
dh1 = dz2 @ W2.T
dz1 = dh1 * (1 - h1**2)
dW1 = X.T @ dz1
db1 = dz1.sum(0)
""",
    ),
    "residual": Network(
        {"W1": normal((3, 4)), "b1": normal(4), "W2": normal((4, 4)), "b2": normal(4), "W3": normal((4, 2)),
         "X": normal((5, 3)), "Y": normal((5, 2))},
        ("W1", "b1", "W2", "b2", "W3"),
        through_a_residual,
        """
N = len(X)
z1 = X @ W1 + b1
h1 = np.maximum(z1, 0)
z2 = h1 @ W2 + b2
h2 = np.maximum(z2, 0)
s = h1 + h2
out = s @ W3
dout = (out - Y) / N
dW3 = s.T @ dout
ds = dout @ W3.T
dz2 = ds * (z2 > 0)
dW2 = h1.T @ dz2
db2 = dz2.sum(0)
dh1 = dz2 @ W2.T + ds
dz1 = dh1 * (z1 > 0)
dW1 = X.T @ dz1
db1 = dz1.sum(0)
del s, ds
""",
    ),
    "penalty": Network(
        {"W1": normal((3, 4)), "b1": normal(4), "W2": normal((4, 2)), "b2": normal(2),
         "X": normal((5, 3)), "Y": normal((5, 2)), "lam": 0.1},
        ("W1", "b1", "W2", "b2"),
        lambda W1, b1, W2, b2, X, Y, lam:
        np.sum((tl.relu(X @ W1 + b1) @ W2 + b2 - Y) ** 2) / (2 * len(X)) + lam / 2 * (np.sum(W1**2) + np.sum(W2**2)),
        """
N = len(X)
z1 = X @ W1 + b1
h1 = np.maximum(z1, 0)
out = h1 @ W2 + b2
dout = (out - Y) / N
dW2 = h1.T @ dout + lam * W2
db2 = dout.sum(0)
dh1 = dout @ W2.T
dz1 = dh1 * (z1 > 0)
dW1 = X.T @ dz1 + lam * W1
db1 = dz1.sum(0)
""",
    ),
    "squared": Network(
        {"W1": normal((3, 4)), "b1": normal(4), "W2": normal((4, 2)), "b2": normal(2),
         "X": normal((5, 3)), "Y": rng.random((5, 2))},
        ("W1", "b1", "W2", "b2"),
        lambda W1, b1, W2, b2, X, Y: np.mean((sigma(sigma(X @ W1 + b1) @ W2 + b2) - Y) ** 2),
        """
N = len(X)
z1 = X @ W1 + b1
h1 = 1 / (1 + np.exp(-z1))
z2 = h1 @ W2 + b2
out = 1 / (1 + np.exp(-z2))
dout = 2 * (out - Y) / Y.size
dz2 = dout * out * (1 - out)
dW2 = h1.T @ dz2
db2 = dz2.sum(0)
dh1 = dz2 @ W2.T
dz1 = dh1 * h1 * (1 - h1)
dW1 = X.T @ dz1
db1 = dz1.sum(0)
""",
    ),
    "convolution": Network(
        {"W1": normal((2, 1, 3, 3)), "b1": normal(2), "W2": normal((3, 18)), "b2": normal(3),
         "X": normal((2, 1, 8, 8)), "y": np.array([2, 0])},
        ("W1", "b1", "W2", "b2"),
        of_images,
        """
N = len(X)
z1 = np.zeros((N, 2, 6, 6))
for i in range(6):
    for j in range(6):
        z1[:, :, i, j] = np.tensordot(X[:, :, i:i+3, j:j+3], W1, axes=([1, 2, 3], [1, 2, 3])) + b1
h1 = np.maximum(z1, 0)
pool = h1.reshape(N, 2, 3, 2, 3, 2).max(axis=(3, 5))
f = pool.reshape(N, -1)
logits = f @ W2.T + b2
p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
dlogits = p.copy()
dlogits[np.arange(N), y] -= 1
dlogits /= N
dW2 = dlogits.T @ f
db2 = dlogits.sum(0)
dpool = (dlogits @ W2).reshape(pool.shape)
dh1 = np.zeros_like(h1)
for n in range(N):
    for c in range(2):
        for i in range(3):
            for j in range(3):
                w = h1[n, c, 2*i:2*i+2, 2*j:2*j+2]
                k = np.unravel_index(w.argmax(), w.shape)
                dh1[n, c, 2*i+k[0], 2*j+k[1]] += dpool[n, c, i, j]
dz1 = dh1 * (z1 > 0)
dW1 = np.zeros_like(W1)
db1 = np.zeros_like(b1)
for i in range(6):
    for j in range(6):
        dW1 += np.tensordot(dz1[:, :, i, j], X[:, :, i:i+3, j:j+3], axes=([0], [0]))
        db1 += dz1[:, :, i, j].sum(0)
del p, f, w, k, n, c, i, j, pool, dpool, N
""",
    ),
    "batch norm": Network(
        {"W1": normal((3, 4)), "b1": normal(4), "gamma": np.array([0.5, 1.5, 0.8, 1.2]), "beta": normal(4),
         "W2": normal((4, 2)), "b2": normal(2), "X": normal((6, 3)), "Y": normal((6, 2))},
        ("W1", "b1", "gamma", "beta", "W2", "b2"),
        normalised,
        """
N = len(X)
z1 = X @ W1 + b1
mu = z1.mean(0)
var = z1.var(0)
std = np.sqrt(var + 1e-5)
xhat = (z1 - mu) / std
u = gamma * xhat + beta
h = np.maximum(u, 0)
out = h @ W2 + b2
dout = (out - Y) / N
dW2 = h.T @ dout
db2 = dout.sum(0)
dh = dout @ W2.T
du = dh * (u > 0)
dgamma = (du * xhat).sum(0)
dbeta = du.sum(0)
dxhat = du * gamma
dz1 = (dxhat - dxhat.mean(0) - xhat * (dxhat * xhat).mean(0)) / std
dW1 = X.T @ dz1
db1 = dz1.sum(0)
del mu, var, std, N
""",
    ),
    "recurrent": Network(
        {"Wx": normal((3, 4)), "Wh": normal((4, 4)), "b": normal(4), "Wo": normal((4, 2)),
         "X": normal((5, 4, 3)), "Y": normal((5, 2))},
        ("Wx", "Wh", "b", "Wo"),
        over_time,
        """
N, T = X.shape[:2]
h = {-1: np.zeros((N, 4))}
for t in range(T):
    h[t] = np.tanh(X[:, t] @ Wx + h[t-1] @ Wh + b)
out = h[T-1] @ Wo
dout = (out - Y) / N
dWo = h[T-1].T @ dout
dh_next = dout @ Wo.T
dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
for t in reversed(range(T)):
    dz = dh_next * (1 - h[t]**2)
    dWx += X[:, t].T @ dz
    dWh += h[t-1].T @ dz
    db += dz.sum(0)
    dh_next = dz @ Wh.T
del h, t, T, N, dz, dh_next
""",
    ),
    "embedding": Network(
        {"E": normal((6, 4)), "W1": normal((4, 3)), "b1": normal(3),
         "idx": np.array([1, 1, 4, 2, 1]), "Y": np.eye(3)[[0, 2, 1, 1, 0]]},
        ("E", "W1", "b1"),
        lambda E, W1, b1, idx, Y: entropy(np.tanh(E[idx]) @ W1 + b1, Y),
        """
v = E[idx]
h = np.tanh(v)
logits = h @ W1 + b1
p = np.exp(logits); p = p / p.sum(axis=1, keepdims=True)
dlogits = (p - Y) / len(idx)
dW1 = h.T @ dlogits
db1 = dlogits.sum(0)
dh = dlogits @ W1.T
dv = dh * (1 - h**2)
dE = np.zeros_like(E)
np.add.at(dE, idx, dv)
del p
""",
    ),
}  # fmt: skip
