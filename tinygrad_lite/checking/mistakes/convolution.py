"""Convolution and pooling: what is turned over, swapped, cropped, or left in the loop too early."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_lite.checking.mistakes.affine import pulled, weight
from tinygrad_lite.checking.mistakes.catalogue import Place, mistake
from tinygrad_lite.checking.parts import Layer
from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.structure import Structure


def convolutions(s: Structure) -> Iterator[tuple[Layer, Any]]:
    """The convolutions, and the row that ran."""
    for layer in s.layers:
        if layer.conv and layer.product.op is not None:
            yield layer, layer.product.op


def _kernel_size(layer: Layer) -> int:
    return int(np.prod(np.shape(layer.product.args[layer.w])[2:]))


@mistake(
    "conv_kernel_not_flipped", "conv2d", "flip",
    "{line} was made with the kernel turned by 180 degrees once too often or once too little.",
    source="CS231n",
)  # fmt: skip
def _conv_kernel_not_flipped(s: Structure) -> Iterator[Place]:
    for layer, _ in convolutions(s):
        x = layer.product.inputs[layer.x]
        if x is not None and x.requires_grad and _kernel_size(layer) > 1:
            rule = pulled(layer, layer.x, w=lambda g, y, xs, near, how, layer=layer: xs[layer.w][:, :, ::-1, ::-1])
            yield Place(x, (Change("edge", layer.product, rule, layer.x),), {"W": weight(s, layer)})


@mistake("conv_dW_reversed", "conv2d", "flip", "{line} is turned by 180 degrees: the two arrays were swapped.")
def _conv_dW_reversed(s: Structure) -> Iterator[Place]:
    for layer, op in convolutions(s):
        if _kernel_size(layer) > 1:
            change = Change("edge", layer.product, lambda g, y, *xs, op=op, **how:
                            op.pull(1, g, y, xs, how)[:, :, ::-1, ::-1], layer.w)  # fmt: skip
            yield Place(weight(s, layer), (change,), {"W": weight(s, layer)})


@mistake("conv_channels_swapped", "conv2d", "transpose", "{line} has its channels in and out the wrong way round.")
def _conv_channels_swapped(s: Structure) -> Iterator[Place]:
    for layer, op in convolutions(s):
        out, into = np.shape(layer.product.args[layer.w])[:2]
        if max(out, into) == 1:
            continue
        for variant, fitted in enumerate((False, True) if out != into else (False,)):  # as it is, or forced into shape
            change = Change("edge", layer.product, lambda g, y, *xs, op=op, fitted=fitted, **how:
                            _swapped(op.pull(1, g, y, xs, how), fitted), layer.w)  # fmt: skip
            yield Place(weight(s, layer), (change,), {"W": weight(s, layer)}, variant=variant)
        x = layer.product.inputs[layer.x]
        if x is not None and x.requires_grad and out == into:
            rule = pulled(layer, layer.x, w=lambda g, y, xs, near, how, layer=layer: np.swapaxes(xs[layer.w], 0, 1))
            yield Place(x, (Change("edge", layer.product, rule, layer.x),), {"W": weight(s, layer)}, variant=2)


def _swapped(dW: Any, fitted: bool) -> Any:
    turned = np.swapaxes(dW, 0, 1)
    return np.reshape(turned, dW.shape) if fitted else turned


@mistake("conv_kernel_transposed", "conv2d", "transpose", "{line} has height and width the wrong way round.")
def _conv_kernel_transposed(s: Structure) -> Iterator[Place]:
    for layer, op in convolutions(s):
        if _kernel_size(layer) > 1:
            change = Change("edge", layer.product, lambda g, y, *xs, op=op, **how:
                            np.swapaxes(op.pull(1, g, y, xs, how), 2, 3), layer.w)  # fmt: skip
            yield Place(weight(s, layer), (change,), {"W": weight(s, layer)})


@mistake(
    "conv_pad_crop", "conv2d", "border",
    "The padding was cropped from {line} at the wrong place: it is shifted by one and loses its border.",
)  # fmt: skip
def _conv_pad_crop(s: Structure) -> Iterator[Place]:
    for layer, op in convolutions(s):
        x = layer.product.inputs[layer.x]
        padding = layer.product.kwargs.get("padding", ())
        if x is None or not x.requires_grad or not np.any(np.asarray(padding)):
            continue
        h, w = np.shape(x.value)[2:]
        border = np.zeros((h, w), np.asarray(x.value).dtype)
        border[1:, 1:] = 1
        inner = np.zeros_like(border)
        inner[1:-1, 1:-1] = 1
        for rule in (
            lambda g, y, *xs, op=op, keep=border, **how: np.roll(op.pull(0, g, y, xs, how), (1, 1), (2, 3)) * keep,
            lambda g, y, *xs, op=op, keep=inner, **how: op.pull(0, g, y, xs, how) * keep,
        ):
            yield Place(x, (Change("edge", layer.product, rule, layer.x),))
        padding = tuple(tuple(pad) for pad in padding)
        for start in ((0, 0), tuple(map(sum, padding)), (padding[0][0] - 1, padding[1][0] - 1)):
            if min(start) >= 0 and start != (padding[0][0], padding[1][0]):
                yield Place(x, (Change("edge", layer.product, _cropped_at(op, padding, start), layer.x),))


def _cropped_at(op: Any, padding: tuple[Any, ...], start: tuple[int, ...]) -> Callable[..., Any]:
    """The error of the padded image, of which another part than the image is taken."""

    def rule(g: Any, y: Any, x: Any, *others: Any, **how: Any) -> Any:
        (top, bottom), (left, right) = padding
        seen = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
        whole = op.pull(0, g, y, (seen, *others), how | {"padding": ((0, 0), (0, 0))})
        (i, j), (h, w) = start, x.shape[2:]
        return whole[:, :, i : i + h, j : j + w]

    return rule


@mistake(
    "return_in_loop", "conv2d", "sum",
    "{line} has the contribution of a single window: the loop over the windows was left at its first turn.",
)  # fmt: skip
def _return_in_loop(s: Structure) -> Iterator[Place]:
    for layer, op in convolutions(s):
        shape = np.shape(layer.product.value)
        if shape[2] * shape[3] < 2:
            continue
        for which in (0, -1):
            mask = np.zeros(shape[2:], np.asarray(layer.product.value).dtype)
            mask[which, which] = 1
            leaves = [(weight(s, layer), layer.w)]
            if layer.bias is not None and (b := s.leaf_of(layer.product.inputs[layer.bias[1]])) is not None:
                leaves.insert(0, (b, layer.bias[1]))
            each = [(leaf, Change("edge", layer.product, lambda g, y, *xs, op=op, mask=mask, i=i, **how:
                                  op.pull(i, g * mask, y, xs, how), i)) for leaf, i in leaves]  # fmt: skip
            for leaf, change in each:
                yield Place(leaf, (change,), {"W": leaf}, variant=which)
            if len(each) > 1:
                yield Place(each[0][0], tuple(change for _, change in each), {"W": leaves[-1][0]}, variant=2 + which)


@mistake(
    "conv_image_overwritten", "conv2d", "sum",
    "Windows that overlap overwrite each other in {line}: an entry gets the errors of all windows it is in. Use +=.",
)  # fmt: skip
def _conv_image_overwritten(s: Structure) -> Iterator[Place]:
    for layer, op in convolutions(s):
        x = layer.product.inputs[layer.x]
        if x is None or not x.requires_grad or _kernel_size(layer) < 2:
            continue

        def rule(g: Any, y: Any, *xs: Any, op: Any = op, **how: Any) -> Any:
            whole = op.pull(0, g, y, xs, how)
            once = op.pull(0, 0 * g + 1, y, (xs[0], 0 * xs[1] + 1, *xs[2:]), how) / xs[1].shape[0]
            return whole / np.where(once == 0, 1, once)

        yield Place(x, (Change("edge", layer.product, rule, layer.x),))


@mistake(
    "pool_ties", "max pooling", "mask",
    "Where a window has several largest entries (zeros after a relu, say), each got the whole error; together they get "
    "it once.",
)  # fmt: skip
def _pool_ties(s: Structure) -> Iterator[Place]:
    for node in s.forward:
        if node.op is not None and node.op.name in ("max_pool2d", "max") and node.requires_grad:
            op, x = node.op, node.inputs[0]
            assert x is not None

            def rule(g: Any, y: Any, x: Any, op: Any = op, **how: Any) -> Any:
                part = op.pull(0, 0 * g + 1, y, (x,), how)
                return op.pull(0, g, y, (x,), how) / np.where(part == 0, 1, part)

            yield Place(x, (Change("edge", node, rule),), {"h": x})


@mistake(
    "pool_everywhere", "max pooling", "mask",
    "Every entry of a window got its error, or a share in it; only the largest entry of each window does.",
)  # fmt: skip
def _pool_everywhere(s: Structure) -> Iterator[Place]:
    for node in s.forward:
        if node.op is not None and node.op.name == "max_pool2d" and node.requires_grad:
            op, x = node.op, node.inputs[0]
            assert x is not None

            for each in (1.0, float(np.prod(node.kwargs["kernel"]))):  # a share of the error, or all of it

                def rule(g: Any, y: Any, x: Any, op: Any = op, each: float = each, **how: Any) -> Any:
                    # in a constant image all entries of a window tie, and share its error equally
                    return each * op.pull(0, g, op(0 * x, **how), (0 * x,), how)

                yield Place(x, (Change("edge", node, rule),), {"h": x}, variant=int(each))


@mistake(
    "mean_pool_not_divided", "average pooling", "factor",
    "Each entry of an averaged window gets the error divided by the window's size; the division is missing.",
)  # fmt: skip
def _mean_pool_not_divided(s: Structure) -> Iterator[Place]:
    last = s.end.at.order if s.end is not None else s.loss.order
    for node in s.forward:
        if node.op is not None and node.op.name in ("mean", "sum_pool2d") and node.requires_grad and node.order < last:
            op, x = node.op, node.inputs[0]
            assert x is not None
            n = np.size(x.value) // max(np.size(node.value), 1)
            if n > 1 and not any(norm.x is x for norm in s.normed):
                yield Place(x, (Change("edge", node, lambda g, y, x, op=op, n=n, **how:
                                       n * op.pull(0, g, y, (x,), how)),), {"h": x})  # fmt: skip
