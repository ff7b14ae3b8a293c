"""The modules and losses that are compared with PyTorch: the code that makes each, and the inputs it gets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`code` makes the module, `inputs` (evaluated with `draw`, `whole`, ...) are what it is called with."""

    code: str
    inputs: str
    train: bool = True
    calls: int = 1  # a batch normalisation's running statistics show in the second call
    keywords: str = ""
    differentiated: int = 9  # how many of the inputs, from the first, are (if they are floats)

    @property
    def name(self) -> str:
        """The case in an id: its code, and what else tells it from others."""
        return f"{self.code}({self.inputs}{self.keywords}){'' if self.train else ' eval'}"


def classes(losses: str, *cases: tuple[str, str]) -> list[Case]:
    """A loss with every reduction."""
    return [
        Case(losses.format(f"{arguments}{', ' if arguments else ''}reduction={reduction!r}"), inputs, differentiated=1)
        for arguments, inputs in cases
        for reduction in ("mean", "sum", "none")
    ]


ACTIVATIONS = [
    Case(code, "normal(3, 4)")
    for code in (
        "ReLU()",
        "LeakyReLU()",
        "LeakyReLU(0.3)",
        *(f"{name}(False)" for name in ("ReLU", "SELU", "SiLU")),
        "LeakyReLU(0.3, inplace=False)",
        *(f"{name}()" for name in ("Hardswish", "Hardtanh", "LogSigmoid", "Mish", "ReLU6", "Softsign")),
        "Hardtanh(-0.5, 0.3)",
        "GLU()",
        "PReLU()",
        "PReLU(4, 0.1)",
        "Softmin(0)",
        "ELU()",
        "ELU(0.7)",
        "SELU()",
        "GELU()",
        "GELU('tanh')",
        "SiLU()",
        "Softplus()",
        "Softplus(2.0)",
        "Softplus(3, 1.0)",
        "Tanh()",
        "Sigmoid()",
        "Softmax(1)",
        "Softmax(dim=0)",
        "LogSoftmax(1)",
        "Identity()",
        "Linear(4, 2)",
        "Linear(4, 2, bias=False)",
    )
] + [
    Case("Flatten()", "normal(2, 3, 2, 2)"),
    Case("Flatten(1, 2)", "normal(2, 3, 2, 2)"),
    Case("Flatten(0, -2)", "normal(2, 3, 2, 2)"),
    Case("Unflatten(1, (2, 3))", "normal(2, 6, 2)"),
    Case("Sequential(Linear(3, 4), ELU(), Linear(4, 2))", "normal(5, 3)"),
    Case("Dropout(0.4)", "normal(4)", False),
]

LOSSES = [
    *classes("MSELoss({})", ("", "normal(3, 2), normal(3, 2)")),
    *classes("L1Loss({})", ("", "normal(3, 2), normal(3, 2)")),
    *classes("HuberLoss({})", ("", "normal(3, 2), normal(3, 2)"), ("delta=0.4", "normal(3, 2), normal(3, 2)")),
    *classes(
        "SmoothL1Loss({})",
        ("", "normal(3, 2), normal(3, 2)"),
        ("beta=0.4", "normal(3, 2), normal(3, 2)"),
        ("beta=0.0", "normal(3, 2), normal(3, 2)"),
    ),
    *classes(
        "NLLLoss({})",
        ("", "logp(5, 3), whole(3, 5)"),
        ("weight=array([0.5, 1.0, 3.0])", "logp(5, 3), whole(3, 5)"),
        ("ignore_index=1", "logp(5, 3), whole(3, 5)"),
        ("", "logp(3), whole(3)"),
        ("weight=array([0.5, 1.0, 3.0]), ignore_index=2", "logp(2, 3, 2, 2), whole(3, 2, 2, 2)"),
    ),
    *classes(
        "CrossEntropyLoss({})",
        ("", "normal(5, 3), whole(3, 5)"),
        ("", "normal(3), whole(3)"),
        ("weight=array([0.5, 1.0, 3.0])", "normal(5, 3), whole(3, 5)"),
        ("label_smoothing=0.1", "normal(3), whole(3)"),
        ("label_smoothing=0.1", "normal(5, 3), whole(3, 5)"),
        ("", "normal(5, 3), array([0, 2, -100, 1, -100])"),
        ("weight=array([0.5, 1.0, 3.0]), label_smoothing=0.2, ignore_index=1", "normal(5, 3), whole(3, 5)"),
        ("", "normal(2, 3, 4), whole(3, 2, 4)"),
        ("weight=array([0.5, 1.0, 3.0])", "normal(2, 3, 2, 2), whole(3, 2, 2, 2)"),
        ("", "normal(5, 3), simplex(5, 3)"),
        ("", "normal(3), simplex(3)"),
        ("weight=array([0.5, 1.0, 3.0]), label_smoothing=0.2", "normal(2, 3, 4), simplex(2, 3, 4)"),
    ),
    *classes(
        "BCELoss({})",
        ("", "uniform(3, 2), uniform(3, 2)"),
        ("weight=array([0.5, 2.0])", "uniform(3, 2), uniform(3, 2)"),
    ),
    *classes(
        "BCEWithLogitsLoss({})",
        ("", "normal(3, 2), uniform(3, 2)"),
        ("weight=array([0.5, 2.0]), pos_weight=array([3.0, 0.1])", "normal(3, 2), uniform(3, 2)"),
    ),
    *classes("KLDivLoss({})", ("", "logp(4, 3), simplex(4, 3)"), ("log_target=True", "logp(4, 3), logp(4, 3)")),
    Case("KLDivLoss(reduction='batchmean')", "logp(4, 3), simplex(4, 3)", differentiated=1),
    *classes("HingeEmbeddingLoss({})", ("", "normal(6), signs(6)"), ("margin=0.3", "normal(6), signs(6)")),
    *classes("SoftMarginLoss({})", ("", "normal(6), signs(6)"), ("", "normal(6), normal(6)")),
    *classes(
        "MultiMarginLoss({})",
        ("", "normal(5, 3), whole(3, 5)"),
        ("p=2, margin=0.6", "normal(5, 3), whole(3, 5)"),
        ("weight=array([0.5, 1.0, 3.0])", "normal(5, 3), whole(3, 5)"),
        ("", "normal(3), whole(3)"),
        ("", "normal(3), whole(3, 1)"),
        ("", "normal(1, 3), whole(3)"),
    ),
    *classes(
        "MultiLabelMarginLoss({})",
        ("", "normal(2, 4), array([[3, 0, -1, 1], [2, -1, -1, -1]])"),
        ("", "normal(4), array([1, 2, -1, 0])"),
    ),
    *classes(
        "MultiLabelSoftMarginLoss({})",
        ("", "normal(3, 4), whole(2, 3, 4) * 1.0"),
        ("weight=array([0.5, 1.0, 3.0, 2.0])", "normal(3, 4), whole(2, 3, 4) * 1.0"),
    ),
]

TABLES = [
    Case("Embedding(5, 3)", "whole(5, 4)"),
    Case("Embedding(5, 3, padding_idx=2)", "array([[2, 0], [4, 2]])"),
    Case("Embedding(5, 3, -1)", "array([4, 4, 1, 1])"),
    Case("Embedding(5, 3, None, 0.5)", "array([4, 4, 1, 1])", calls=2),
    Case("Embedding(5, 3, 1, 0.7, 1.0, True)", "array([4, 4, 1, 1])"),
]

IMAGES = [
    *(Case(f"Conv2d({arguments})", inputs) for arguments, inputs in (
        ("2, 3, 3", "normal(2, 2, 5, 6)"), ("2, 3, (2, 3), 2, 1", "normal(2, 2, 5, 6)"),
        ("2, 3, 3, stride=(1, 2), padding=(2, 0), dilation=(2, 1)", "normal(2, 2, 6, 7)"),
        ("2, 4, 3, padding='same', bias=False", "normal(1, 2, 5, 4)"),
        ("2, 2, 3, padding='valid'", "normal(1, 2, 5, 4)"),
        ("2, 2, (4, 2), padding='same', dilation=(1, 3)", "normal(1, 2, 6, 5)"),
        ("4, 6, 3, groups=2", "normal(2, 4, 4, 5)"), ("3, 6, 2, 1, 1, 2, 3", "normal(1, 3, 4, 4)"),
        ("8, 4, 3, 2, 1", "normal(2, 8, 5, 6)"), ("8, 4, (2, 3), (2, 1), (0, 1), (1, 2)", "normal(2, 8, 5, 6)"),
        ("8, 4, 2, groups=4", "normal(2, 8, 3, 4)"), ("9, 9, 2, padding=1, groups=9", "normal(2, 9, 3, 3)"),
        ("2, 3, 3, 3", "normal(2, 2, 8, 7)"), ("2, 3, 1", "normal(2, 3, 3)"),
        ("1, 2, 3, padding=1, padding_mode='reflect'", "normal(1, 1, 4, 4)"),
        ("1, 2, 3, padding=(1, 2), padding_mode='replicate'", "normal(1, 1, 4, 4)"),
        ("1, 2, 3, padding='same', padding_mode='circular'", "normal(1, 1, 4, 4)"),
    )),
    *(Case(f"Conv1d({arguments})", inputs) for arguments, inputs in (
        ("2, 3, 3", "normal(2, 2, 7)"), ("4, 6, 3, 2, 1, 2, 2", "normal(2, 4, 9)"), ("2, 3, 2", "normal(2, 5)"),
        ("2, 3, 4, padding='same'", "normal(1, 2, 6)"), ("8, 3, 3, stride=2, bias=False", "normal(2, 8, 7)"),
    )),
    *(Case(f"ConvTranspose2d({arguments})", inputs) for arguments, inputs in (
        ("2, 3, 3", "normal(2, 2, 3, 4)"), ("2, 3, 3, 2, 1, 1", "normal(2, 2, 3, 4)"),
        ("4, 6, (2, 3), (3, 2), (0, 1), (2, 1), 2, False, (1, 2)", "normal(1, 4, 3, 3)"),
        ("3, 8, 3, stride=2, padding=1", "normal(2, 3, 3, 4)"), ("2, 4, 2, groups=2, dilation=2", "normal(2, 3, 4)"),
        ("2, 3, 2, (1, 2), 1, (2, 4), dilation=(3, 5)", "normal(2, 2, 3, 4)"),
    )),
    Case("ConvTranspose2d(2, 3, 3, 2, 1)", "normal(2, 2, 3, 4)", keywords="output_size=[6, 7]"),
    *(Case(f"MaxPool2d({arguments})", "distinct(2, 3, 7, 6)") for arguments in (
        "2", "3", "(2, 3), (1, 2)", "3, 2, 1", "3, 1, 1, 2", "2, 2, ceil_mode=True", "3, 2, 1, ceil_mode=True",
        "2, return_indices=True", "3, 2, 1, 2, True, True",
    )),
    Case("MaxPool2d(2)", "distinct(3, 4, 4)"), Case("MaxPool2d(2)", "distinct(2, 8, 4, 4)"),
    *(Case(f"AvgPool2d({arguments})", "normal(2, 3, 7, 6)") for arguments in (
        "2", "3", "(2, 3), (1, 2)", "3, 2, 1", "3, 2, 1, False, False", "2, 2, 0, True", "3, 2, 1, True",
        "3, 2, 1, True, False", "3, divisor_override=5", "(3,), (2,), (1,)", "2, ()",
    )),
    *(Case(f"AdaptiveAvgPool2d({size})", "normal(2, 3, 7, 6)") for size in (
        "1", "3", "(2, 5)", "(None, 4)", "(1, 6)", "(9, 8)"
    )),
]  # fmt: skip

NORMALISATIONS = [
    *(Case(f"BatchNorm1d({arguments})", inputs, train, calls) for train in (True, False)
      for arguments, inputs, calls in (
        ("3", "normal(5, 3)", 2), ("3, 1e-3, None", "normal(5, 3)", 3),
        ("3, momentum=None", "normal(3, 3, 2)", 50), ("3", "normal(2, 3)", 50),
        ("3, affine=False", "normal(4, 3, 2)", 1),
        ("3, 1e-2, 0.3, True, False", "normal(4, 3)", 1),
    )),
    Case("BatchNorm2d(3, bias=False)", "normal(2, 3, 2, 4)"),
    *(Case("BatchNorm2d(3, momentum=0.2)", "normal(2, 3, 2, 4)", train, 2) for train in (True, False)),
    *(Case(f"LayerNorm({arguments})", "normal(2, 3, 4)") for arguments in (
        "4", "(3, 4), 1e-2", "[4], elementwise_affine=False", "4, bias=False",
    )),
    *(Case(f"GroupNorm({arguments})", "normal(2, 4, 2, 3)") for arguments in (
        "2, 4", "4, 4, 1e-3", "1, 4, 1e-5, False", "2, 4, bias=False",
    )),
]  # fmt: skip

SEQUENCES = [
    *(Case(f"{kind}Cell(3, 2{more})", "normal(4, 3), normal(4, 2)") for kind, more in (
        ("RNN", ""), ("RNN", ", False"), ("RNN", ", nonlinearity='relu'"), ("GRU", ""), ("GRU", ", bias=False"),
    )),
    Case("LSTMCell(3, 2)", "normal(4, 3)"), Case("LSTMCell(3, 2, False)", "normal(3)"),
    Case("GRUCell(3, 2)", "normal(3)"),
    *(Case(f"{kind}(3, 2{more})", inputs) for kind in ("RNN", "LSTM", "GRU") for more, inputs in (
        ("", "normal(4, 2, 3)"), (", 2", "normal(3, 2, 3)"), (", bias=False", "normal(3, 3)"),
        (", batch_first=True", "normal(2, 4, 3)"), (", num_layers=2, bidirectional=True", "normal(3, 2, 3)"),
        (", bidirectional=True", "normal(4, 3)"),
    )),
    Case("LSTM(3, 4, 2, bidirectional=True, proj_size=2)", "normal(3, 2, 3)"),
    Case("LSTM(3, 4, proj_size=1)", "normal(3, 3)"),
    Case("RNN(3, 2, 2, 'relu')", "normal(3, 2, 3), normal(2, 2, 2)"), Case("GRU(3, 2)", "normal(3, 3), normal(1, 2)"),
    *(Case(f"MultiheadAttention(4, 2{more})", inputs, keywords=keywords) for more, inputs, keywords in (
        ("", "normal(3, 2, 4), normal(5, 2, 4), normal(5, 2, 4)", ""),
        (", bias=False, batch_first=True", "normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 4)", ""),
        (", kdim=3, vdim=5", "normal(3, 2, 4), normal(4, 2, 3), normal(4, 2, 5)", ""), ("", "normal(3, 4), " * 3, ""),
        (", 0.0, True, True, True, 3, 5", "normal(3, 2, 4), normal(4, 2, 3), normal(4, 2, 5)",
         "attn_mask=normal(3, 4), is_causal=True"),
        (", add_zero_attn=True", "normal(3, 2, 4), " * 3,
         "key_padding_mask=array([[False, True, False], [False, False, True]])"),
        ("", "normal(3, 2, 4), " * 3, "average_attn_weights=False"),
        ("", "normal(3, 2, 4), " * 3, "need_weights=False"),
        ("", "normal(3, 2, 4), " * 3, "attn_mask=array([[False, True, True], [False, False, True], [False] * 3])"),
        ("", "normal(3, 2, 4), " * 3, "attn_mask=normal(3, 3)"),
        ("", "normal(3, 2, 4), " * 3, "attn_mask=normal(4, 3, 3)"),
        ("", "normal(3, 2, 4), " * 3, "key_padding_mask=array([[False, True, False], [False, False, True]])"),
    )),
]  # fmt: skip

CASES = [*ACTIVATIONS, *LOSSES, *TABLES, *IMAGES, *NORMALISATIONS, *SEQUENCES]
