"""Solutions of the exercise in several styles, right and wrong: the wrong ones are a right one with a line exchanged."""

from __future__ import annotations

MATRIX = """
import numpy as np

def rectified_linear_unit(x):
    return max(0, x)

def rectified_linear_unit_derivative(x):
    return 1 if x > 0 else 0

def output_layer_activation(x):
    return x

def output_layer_activation_derivative(x):
    return 1

class NeuralNetwork(NeuralNetworkBase):
    def __init__(self):
        self.input_to_hidden_weights = np.matrix('1. 1.; 1. 1.; 1. 1.')
        self.hidden_to_output_weights = np.matrix('1. 1. 1.')
        self.biases = np.matrix('0.; 0.; 0.')
        self.learning_rate = .001
        self.epochs_to_train = 10

    def train(self, x1, x2, y):
        input_values = np.matrix([[x1], [x2]])
        relu = np.vectorize(rectified_linear_unit, otypes=[float])
        relu_derivative = np.vectorize(rectified_linear_unit_derivative, otypes=[float])
        z = self.input_to_hidden_weights * input_values + self.biases
        h = relu(z)
        a = output_layer_activation(self.hidden_to_output_weights * h)
        output_layer_error = -(y - a) * output_layer_activation_derivative(a)
        hidden_layer_error = np.multiply(self.hidden_to_output_weights.T * output_layer_error, relu_derivative(z))
        bias_gradients = hidden_layer_error
        hidden_to_output_weight_gradients = output_layer_error * h.T
        input_to_hidden_weight_gradients = hidden_layer_error * input_values.T
        self.biases = self.biases - self.learning_rate * bias_gradients
        self.input_to_hidden_weights = self.input_to_hidden_weights - self.learning_rate * input_to_hidden_weight_gradients
        self.hidden_to_output_weights = self.hidden_to_output_weights - self.learning_rate * hidden_to_output_weight_gradients

    def predict(self, x1, x2):
        input_values = np.matrix([[x1], [x2]])
        z = self.input_to_hidden_weights * input_values + self.biases
        h = np.vectorize(rectified_linear_unit, otypes=[float])(z)
        return (self.hidden_to_output_weights * h).item()
"""

ARRAYS = """
import numpy as np

class Net:
    def __init__(self):
        self.input_to_hidden_weights = np.ones((3, 2))
        self.hidden_to_output_weights = np.ones((1, 3))
        self.biases = np.zeros((3, 1))
        self.learning_rate = 0.001

    def forward(self, x):
        z = self.input_to_hidden_weights @ x + self.biases
        h = np.maximum(z, 0)
        return z, h, self.hidden_to_output_weights @ h

    def train(self, x1, x2, y):
        x = np.array([[x1], [x2]])
        z, h, a = self.forward(x)
        e = y - a
        d = self.hidden_to_output_weights.T @ e * (z > 0)
        self.hidden_to_output_weights += self.learning_rate * e @ h.T
        self.biases += self.learning_rate * d
        self.input_to_hidden_weights += self.learning_rate * d @ x.T

    def predict(self, x1, x2):
        return self.forward(np.array([[x1], [x2]]))[2]
"""

LOOPS = """
class Network:
    def __init__(self):
        self.input_to_hidden_weights = [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
        self.hidden_to_output_weights = [[1.0, 1.0, 1.0]]
        self.biases = [[0.0], [0.0], [0.0]]
        self.learning_rate = 0.001

    def train(self, x1, x2, y):
        x = (x1, x2)
        W, V, b = self.input_to_hidden_weights, self.hidden_to_output_weights, self.biases
        z = [W[j][0] * x1 + W[j][1] * x2 + b[j][0] for j in range(3)]
        h = [v if v > 0 else 0.0 for v in z]
        a = sum(V[0][j] * h[j] for j in range(3))
        for j in range(3):
            d = (a - y) * V[0][j] if z[j] > 0 else 0.0
            V[0][j] -= self.learning_rate * (a - y) * h[j]
            b[j][0] -= self.learning_rate * d
            for k in range(2):
                W[j][k] -= self.learning_rate * d * x[k]

    def predict(self, x1, x2):
        W, V, b = self.input_to_hidden_weights, self.hidden_to_output_weights, self.biases
        return sum(V[0][j] * max(0.0, W[j][0] * x1 + W[j][1] * x2 + b[j][0]) for j in range(3))
"""

ROWS = '''
import numpy as np

class RowNetwork:
    """Examples are rows, weights are (in, out)."""

    def __init__(self):
        self.input_to_hidden_weights = np.ones((2, 3))
        self.hidden_to_output_weights = np.ones((3, 1))
        self.biases = np.zeros(3)
        self.learning_rate = 0.001
        self.seen = 0

    def train(self, x1, x2, y):
        x = np.array([x1, x2], float)
        z = x @ self.input_to_hidden_weights + self.biases
        mask = (z > 0).astype(float)
        h = z * mask
        a = h @ self.hidden_to_output_weights
        step = self.learning_rate * (y - a)
        delta = step * self.hidden_to_output_weights[:, 0] * mask
        self.hidden_to_output_weights = self.hidden_to_output_weights + np.outer(h, step)
        self.input_to_hidden_weights = self.input_to_hidden_weights + np.outer(x, delta)
        self.biases = self.biases + delta
        print("trained", self.seen)

    def predict(self, x1, x2):
        return float((np.maximum(np.array([x1, x2]) @ self.input_to_hidden_weights + self.biases, 0) @ self.hidden_to_output_weights)[0])
'''

RIGHT = {"matrix": MATRIX, "arrays": ARRAYS, "loops": LOOPS, "rows": ROWS}


def changed(text: str, *lines: tuple[str, str]) -> str:
    """A solution with some of its text exchanged; each has to be there."""
    for old, new in lines:
        assert old in text, old
        text = text.replace(old, new)
    return text


# {what it is: (its text, the mistake that is to be named)}
WRONG: dict[str, tuple[str, str]] = {
    "vectorize without otypes": (changed(MATRIX, (", otypes=[float]", "")), "vectorize_dtype"),
    "no derivative of relu": (changed(ARRAYS, (" * (z > 0)", "")), "no_act_prime"),
    "mask the wrong way round": (changed(ARRAYS, ("(z > 0)", "(z <= 0)")), "mask_inverted"),
    "mask from the gradient": (
        changed(ARRAYS, ("d = self.hidden_to_output_weights.T @ e * (z > 0)",
                         "d = self.hidden_to_output_weights.T @ e; d = d * (d < 0)")),
        "mask_on_gradient",
    ),
    "h for its derivative": (changed(ARRAYS, ("(z > 0)", "h")), "act_not_prime"),
    "z in the gradient of W2": (changed(ARRAYS, ("e @ h.T", "e @ z.T")), "preact_in_dW"),
    "W2 updated first": (
        changed(ARRAYS,
                ("        d = self.hidden_to_output_weights.T @ e * (z > 0)\n", ""),
                ("self.learning_rate * e @ h.T\n",
                 "self.learning_rate * e @ h.T\n        d = self.hidden_to_output_weights.T @ e * (z > 0)\n")),
        "updated_W",
    ),
    "the sign of the error": (changed(ARRAYS, ("e = y - a", "e = a - y")), "sign"),
    "twice": (changed(ARRAYS, ("e = y - a", "e = 2 * (y - a)")), "factor2"),
    "half": (changed(ARRAYS, ("e = y - a", "e = (y - a) / 2")), "half"),
    "no target": (changed(ARRAYS, ("e = y - a", "e = -a")), "target_forgotten"),
    "the loss for the error": (changed(ARRAYS, ("e = y - a", "e = -(y - a) ** 2 / 2")), "loss_for_error"),
    "the sign of the error alone": (changed(ARRAYS, ("e = y - a", "e = np.sign(y - a)")), "sign_of_error"),
    "bias unmasked": (
        changed(ARRAYS, ("self.biases += self.learning_rate * d",
                         "self.biases += self.learning_rate * (self.hidden_to_output_weights.T @ e)"),
                ("        self.hidden_to_output_weights += self.learning_rate * e @ h.T\n", ""),
                ("        self.input_to_hidden_weights += self.learning_rate * d @ x.T",
                 "        self.hidden_to_output_weights += self.learning_rate * e @ h.T\n"
                 "        self.input_to_hidden_weights += self.learning_rate * d @ x.T")),
        "mask_skipped_b",
    ),
    "weights unmasked": (
        changed(ARRAYS, ("self.input_to_hidden_weights += self.learning_rate * d @ x.T",
                         "self.input_to_hidden_weights += self.learning_rate * u @ x.T"),
                ("        d = ", "        u = self.hidden_to_output_weights.T @ e\n        d = ")),
        "mask_skipped_W",
    ),
    "no relu in training": (changed(ARRAYS, ("        z, h, a = self.forward(x)\n        e", "        z, h, a = self.forward(x)\n        h = z; a = self.hidden_to_output_weights @ h\n        e")), "act_not_in_forward"),
    "no relu in predict": (changed(ARRAYS, ("        return self.forward(np.array([[x1], [x2]]))[2]", "        return self.hidden_to_output_weights @ self.forward(np.array([[x1], [x2]]))[0]")), "predict_forgets_activation"),
    "bias forgotten in training": (changed(ARRAYS, ("        self.biases += self.learning_rate * d\n", "")), "bias_zero"),
    "bias summed over the units": (
        changed(ARRAYS, ("self.learning_rate * d\n", "self.learning_rate * d.sum()\n")), "bias_all_summed"),
    "W2 left out on the way back": (
        changed(ARRAYS, ("self.hidden_to_output_weights.T @ e", "np.ones((3, 1)) * e")), "W_dropped"),
    "gradient of W2 for W2": (
        changed(ARRAYS, ("self.hidden_to_output_weights.T @ e * (z > 0)", "(-e @ h.T).T @ e * (z > 0)")), "dW_for_W"),
    "x left out of the gradient of W1": (changed(ARRAYS, ("d @ x.T", "d @ np.ones((1, 2))")), "x_dropped"),
    "np.max": (changed(ARRAYS, ("h = np.maximum(z, 0)", "h = np.max(z) + 0 * z")), "np_max_for_maximum"),
    "no bias in the forward pass": (
        changed(ARRAYS, ("z = self.input_to_hidden_weights @ x + self.biases", "z = self.input_to_hidden_weights @ x")),
        "bias_not_in_forward",
    ),
    "no learning rate": (
        changed(ARRAYS, ("self.learning_rate * e @ h.T", "0.01 * self.learning_rate * e @ h.T"),
                ("self.learning_rate * d\n", "0.01 * self.learning_rate * d\n"),
                ("self.learning_rate * d @ x.T", "0.01 * self.learning_rate * d @ x.T")),
        "lr_folded",
    ),
    "predict without the bias": (
        changed(ARRAYS, ("return self.forward(np.array([[x1], [x2]]))[2]",
                         "h = np.maximum(self.input_to_hidden_weights @ [[x1], [x2]], 0)\n"
                         "        return self.hidden_to_output_weights @ h")),
        "predict_forgets_bias",
    ),
    "|W2| on the way back": (
        changed(ARRAYS, ("self.hidden_to_output_weights.T @ e", "abs(self.hidden_to_output_weights.T) @ e")), "abs_W"),
    "z for the derivative": (changed(LOOPS, ("(a - y) * V[0][j] if z[j] > 0 else 0.0", "(a - y) * V[0][j] * z[j]")),
                             "mask_times_value"),
}  # fmt: skip

# {what it does: (its text, what the report says)}
HOSTILE: dict[str, tuple[str, str]] = {
    "a syntax error": (changed(ARRAYS, ("e = y - a", "e = y - ")), "SyntaxError"),
    "an exception": (changed(ARRAYS, ("e = y - a", "raise KeyError('lost')")), "KeyError: 'lost', line"),
    "an endless loop": (changed(ARRAYS, ("e = y - a", "\n        while True: pass")), "does not end"),
    "exit": (changed(ARRAYS, ("e = y - a", "raise SystemExit(0)")), "exit()"),
    "a hard exit": (changed(ARRAYS, ("e = y - a", "import os; os._exit(3)")), "status 3"),
    "a crash": (changed(ARRAYS, ("e = y - a", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")), "SIGSEGV"),
    "much printing": (changed(ARRAYS, ("e = y - a", "print('x' * 10_000_000); e = a - y")), "first wrong line"),
    "much memory": (changed(ARRAYS, ("e = y - a", "junk = bytearray(8 << 30)")), "MemoryError"),
    "nan": (changed(ARRAYS, ("e = y - a", "e = y - a + np.nan")), "not finite"),
    "text for numbers": (
        changed(ARRAYS, ("self.biases += self.learning_rate * d", "self.biases = 'none'")),
        "not numbers",
    ),
    "no class": ("x = 1\n", "no class"),
    "nothing done": (
        changed(ARRAYS, ("        x = np.array([[x1], [x2]])\n        z", "        return\n        z")),
        "changed none",
    ),
    "no train": (changed(ARRAYS, ("def train(", "def fit(")), "AttributeError"),
    "an import that is not there": ("import torchsomething\n" + ARRAYS, "ModuleNotFoundError"),
    "recursion": (changed(ARRAYS, ("e = y - a", "return self.train(x1, x2, y)")), "RecursionError"),
    "returns nothing from predict": (
        changed(ARRAYS, ("return self.forward(np.array([[x1], [x2]]))[2]", "pass")),
        "returns nothing",
    ),
    "not utf-8": ("# \udcff\n" + ARRAYS, "not a text in UTF-8"),
}
