"""How to call each NumPy function that Tensors answer; a ufunc with a row of its own is called as its row's samples.

Adding a function is its few lines in `tinygrad_lite/functions` and one line here: `test_functions.py` then holds its
values, its first and second derivative and its forward mode to account, and `COVERAGE.md` lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.samples import SAMPLES
from tests.sampling import GRID, NONZERO, POSITIVE, REAL, Domain, Sample, Shape, chosen, on
from tinygrad_lite.functions.plain_answers import QUESTIONS
from tinygrad_lite.primitive import ANSWERS, Primitive

F64 = (np.float64, np.float32)
WEIGHTED: Any = {"method": "inverted_cdf", "weights": [1.0, 0.0, 2.5]}  # of quantiles
SINGLE = chosen(0.5, 0.75, -1.25)


def calls(
    f: Callable[..., Any], *variants: Any, domain: Domain | tuple[Domain, ...] = REAL, **more: Any
) -> list[Sample]:
    """f with each variant: a shape for each input and {keywords}; or, for other arguments, a lambda and shapes."""
    found = []
    for variant in variants:
        function, shapes, keywords = f, variant, {}
        if callable(variant[0]):
            function, shapes = variant[0], variant[1:]
        if shapes and isinstance(shapes[-1], dict):
            shapes, keywords = shapes[:-1], shapes[-1]
        found.append(on(lambda *xs, fn=function, kw=keywords: fn(*xs, **kw), *shapes, domain=domain, **more))
    return found


def over_axes(f: Callable[..., Any], domain: Domain = REAL, tuples: bool = True, **fixed: Any) -> list[Sample]:
    """A reduction over every kind of axis, with keepdims."""
    axes: list[tuple[Any, Shape]] = [(None, (3,)), (None, (2, 3)), (0, (2, 3)), (-1, (2, 3, 2)), (1, (2, 3, 2))]
    axes += [((0, 2), (2, 3, 2)), ((-1, 0), (2, 3))] if tuples else []
    return [
        on(lambda x, a=axis, k=keep: f(x, axis=a, keepdims=k, **fixed), shape, domain=domain)
        for axis, shape in axes
        for keep in (False, True)
    ]


def along(f: Callable[..., Any], domain: Domain = REAL, **fixed: Any) -> list[Sample]:
    """A function along one axis."""
    return [
        on(lambda x, a=axis: f(x, axis=a, **fixed), shape, domain=domain)
        for axis, shape in ((0, (4,)), (-1, (2, 4)), (0, (4, 2)), (1, (2, 4, 2)))
    ]


def with_nan(rng: np.random.Generator, shape: Shape) -> Any:
    """Numbers, of which the second is missing."""
    x = GRID(rng, shape)
    x.reshape(-1)[1 if x.size > 1 else 0 :][:1] = np.nan
    return x


def matrices(rng: np.random.Generator, shape: Shape) -> Any:
    return rng.uniform(-0.3, 0.3, shape) + np.eye(shape[-2], shape[-1]) * np.resize((1, 3, 6), shape[-1])


def sym(a: Any) -> Any:
    return a + np.swapaxes(a, -1, -2)


def joined(y: Any) -> Any:
    """A function's result as one array: its parts end to end, if it gives several."""
    return np.concatenate([np.ravel(part) for part in y]) if isinstance(y, (tuple, list)) else y


SOME: dict[str, Any] = {"axis": 1, "where": np.array([True, False, True])}
SOME_FROM_2 = SOME | {"initial": 2.0}
QUANTILES = (
    "linear", "lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased", "normal_unbiased",
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf",
)  # fmt: skip


def spreads(f: Callable[..., Any], domain: Domain = REAL) -> list[Sample]:
    """A variance or its root, of some entries, about a given mean, in another dtype."""
    return calls(
        f,
        ((2, 4), {"axis": 1, "where": np.array([True, True, False, True])}),
        (lambda x: f(x, axis=1, mean=np.ones((2, 1), x.dtype), keepdims=True, correction=1), (2, 4)),
        ((2, 4), {"dtype": np.float64}),
        domain=domain,
        dtypes=F64,
    )


LA: dict[str, Any] = {"domain": matrices, "dtypes": F64}
SQUARE = (((3, 3),), ((2, 3, 3),))
NORMS = [(o, (2, 3)) for o in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)]
V = np.array([0.3, -0.2, 0.5])
SHARE = chosen(0.3, 0.55, 0.8)  # of ranks, and none of 4 entries or 5 exactly

FUNCTIONS: dict[Any, list[Sample]] = {
    # pointwise
    np.clip: calls(np.clip, (lambda x: np.clip(x, -1, 1), (5,)), (lambda x: np.clip(x, None, 0), (2, 3)), domain=GRID)
    + calls(np.clip, ((3,), (), (3,)), domain=(GRID, chosen(-1.25), chosen(1.25))),
    np.where: calls(np.where, (lambda a, b: np.where(np.arange(3) > 1, a, b), (3,), (2, 3))),
    np.select: calls(np.select, (lambda x: np.select([x > 1, x > 0], [x**2, -x], 3 * x), (6,)), domain=GRID)
    + calls(np.select, (lambda x: np.select([x > 0], [x]), (6,)), domain=GRID),
    np.round: calls(np.round, ((3,),), ((3,), {"decimals": 1}), domain=GRID),
    np.around: calls(np.around, ((3,),), domain=GRID),
    np.fix: calls(np.fix, ((3,),), domain=GRID),
    np.nan_to_num: calls(np.nan_to_num, ((3,),), ((3,), {"nan": 2.0}), domain=with_nan),
    np.divmod: calls(np.divmod, (lambda x: np.divmod(x, 0.7), (4,)), domain=GRID),
    np.modf: calls(np.modf, ((4,),), domain=GRID),
    np.copy: calls(np.copy, ((2, 3),)),
    np.real_if_close: calls(np.real_if_close, ((3,),)),
    np.astype: calls(np.astype, (lambda x: np.astype(x, np.float64), (3,))),
    np.radians: calls(np.radians, ((3,),)),
    np.degrees: calls(np.degrees, ((3,),)),
    np.conjugate: calls(np.conjugate, ((3,),)),
    np.real: calls(np.real, ((3,),)),
    # reductions
    np.sum: over_axes(np.sum)
    + calls(
        np.sum,
        ((0, 3), {"axis": 0}),
        ((2, 3), {"where": np.array([True, False, True])}),
        ((3,), {"initial": 2.0}),
        ((), {"axis": -1}),
    ),
    np.prod: over_axes(np.prod)
    + calls(np.prod, ((), {"axis": 0}))
    + calls(np.prod, ((4,),), domain=chosen(0.0, 0.0, 2.0))
    + calls(np.prod, ((3,), {"initial": 2.0, "where": np.array([True, False, True])})),
    np.mean: over_axes(np.mean) + calls(np.mean, ((2, 3), {"where": np.array([True, False, True])})),
    np.max: over_axes(np.max, GRID) + calls(np.max, ((3,), {"initial": 0.3}), ((), {"axis": 0}), domain=GRID),
    np.min: over_axes(np.min, GRID)
    + calls(np.min, ((3,), {"initial": 0.3, "where": np.array([True, False, True])}), domain=GRID),
    np.amax: over_axes(np.amax, GRID),
    np.amin: over_axes(np.amin, GRID),
    np.ptp: over_axes(np.ptp, GRID),
    np.var: over_axes(np.var) + over_axes(np.var, ddof=1) + spreads(np.var),
    np.std: over_axes(np.std) + over_axes(np.std, ddof=1) + spreads(np.std),
    np.average: calls(
        np.average,
        ((2, 3),),
        ((2, 3), {"axis": 1}),
        (lambda x, w: np.average(x, weights=w), (2, 3), (2, 3)),
        (lambda x: np.average(x, 1, V, keepdims=True), (2, 3)),
        (lambda x, w: np.average(x, (2, 0), w), (2, 4, 3), (3, 2)),
        (lambda x: np.average(x, 0, np.array([1, 3]), returned=True), (2, 3)),
        domain=POSITIVE,
    ),
    np.median: over_axes(np.median, GRID) + calls(np.median, ((4,),), domain=GRID),
    np.quantile: over_axes(lambda x, **k: np.quantile(x, 0.3, **k), GRID)
    + [
        on(lambda x, m=m: np.quantile(x, [[0.1, 0.5], [0.85, 1.0]], axis=-1, method=m), shape, domain=GRID)
        for m in QUANTILES
        for shape in ((2, 5), (2, 4))
    ]
    + calls(np.quantile, (lambda x, q: np.quantile(x, q, axis=0), (4, 2), (3,)), domain=(GRID, SHARE))
    + calls(
        np.quantile,
        ((3,), {"q": 0.4, **WEIGHTED}),
        ((2, 3, 2), {"q": [[0.1, 0.5, 1.0]], "axis": 1, "keepdims": True, **WEIGHTED}),
        ((2, 4, 3), {"q": 0.6, "axis": (-1, 0), **WEIGHTED, "weights": [[3, 0], [1, 5], [2, 1]]}),
        domain=GRID,
    ),
    np.percentile: over_axes(lambda x, **k: np.percentile(x, [30, 60], **k), GRID)
    + calls(np.percentile, ((2, 3), {"q": 40, "axis": 1, **WEIGHTED}), domain=GRID),
    np.nansum: over_axes(np.nansum, with_nan) + calls(np.nansum, ((2, 3), SOME_FROM_2), domain=with_nan),
    np.nanprod: over_axes(np.nanprod, with_nan) + calls(np.nanprod, ((2, 3), SOME_FROM_2), domain=with_nan),
    np.nanmean: over_axes(np.nanmean, with_nan) + calls(np.nanmean, ((2, 3), SOME), domain=with_nan),
    np.nanvar: over_axes(np.nanvar, with_nan)[:6] + spreads(np.nanvar, with_nan),
    np.nanstd: calls(np.nanstd, ((2, 4),), ((2, 4), {"axis": 1}), domain=with_nan) + spreads(np.nanstd, with_nan),
    np.nanmax: over_axes(np.nanmax, with_nan) + calls(np.nanmax, ((2, 3), SOME_FROM_2), domain=with_nan),
    np.nanmin: over_axes(np.nanmin, with_nan) + calls(np.nanmin, ((2, 3), SOME_FROM_2), domain=with_nan),
    np.nanmedian: calls(np.nanmedian, ((2, 4),), ((2, 4), {"axis": 1, "keepdims": True}), domain=with_nan),
    np.nanquantile: [
        on(lambda x, m=m: np.nanquantile(x, [[0.1, 0.5], [0.85, 1.0]], axis=-1, method=m), (2, 5), domain=with_nan)
        for m in QUANTILES
    ]
    + calls(np.nanquantile, ((3,), {"q": [0.3, 0.9], **WEIGHTED}), domain=with_nan),
    np.nanpercentile: calls(
        np.nanpercentile,
        ((2, 4), {"q": 30, "axis": (0, 1), "keepdims": True}),
        ((2, 3), {"q": 30, **WEIGHTED, "weights": [[1, 3, 2], [2, 0, 1]]}),
        domain=with_nan,
    ),
    np.add.reduce: calls(
        np.add.reduce,
        ((2, 3),),
        ((2, 3), {"axis": None}),
        ((2, 3), {"axis": 1, "keepdims": True, "initial": 0.5}),
        ((2, 3), {"axis": (0, 1), "dtype": np.float64, "where": np.array([True, False, True])}),
    ),
    np.multiply.reduce: calls(np.multiply.reduce, ((2, 3),), ((2, 3), {"axis": 1})),
    np.maximum.reduce: calls(np.maximum.reduce, ((2, 3),), ((2, 3), {"axis": 1}), domain=GRID),
    np.minimum.reduce: calls(np.minimum.reduce, ((2, 3),), ((2, 3), {"axis": 1}), domain=GRID),
    np.fmax.reduce: calls(np.fmax.reduce, ((2, 3),), ((2, 3), {"axis": 1}), domain=with_nan),
    np.fmin.reduce: calls(np.fmin.reduce, ((2, 3),), ((2, 3), {"axis": 1}), domain=with_nan),
    np.logaddexp.reduce: calls(
        np.logaddexp.reduce,
        ((2, 3),),
        ((2, 3), {"axis": 1, "keepdims": True}),
        ((2, 3), {"axis": (0, 1), "where": np.array([True, False, True])}),
        (lambda x, i: np.logaddexp.reduce(x, 1, initial=i), (2, 3), ()),
    ),
    np.cov: calls(
        np.cov,
        ((3, 4),),
        ((4,), (4,)),
        ((4,),),
        ((3, 2), (3, 1), {"rowvar": False}),
        ((2, 3), {"bias": True}),
        ((2, 3), {"ddof": 0, "fweights": [1, 2, 1]}),
        (lambda x, w: np.cov(x, fweights=[1, 2, 1], aweights=w), (2, 3), (3,)),
        domain=POSITIVE,
        dtypes=F64,
    ),
    np.corrcoef: calls(np.corrcoef, ((3, 5),), ((4,), (4,)), ((5, 2), {"rowvar": False}), dtypes=F64),
    # scans
    np.cumsum: along(np.cumsum) + calls(np.cumsum, ((2, 3),), ((0,),)),
    np.cumprod: along(np.cumprod)
    + calls(np.cumprod, ((2, 3),))
    + calls(np.cumprod, ((5,),), domain=chosen(0.0, 1.0, 2.0)),
    np.cumulative_sum: along(np.cumulative_sum) + along(np.cumulative_sum, include_initial=True),
    np.cumulative_prod: along(np.cumulative_prod, include_initial=True),
    np.add.accumulate: calls(np.add.accumulate, ((2, 3),), ((2, 3), {"axis": 1})),
    np.multiply.accumulate: calls(np.multiply.accumulate, ((2, 3),)),
    np.maximum.accumulate: calls(np.maximum.accumulate, ((2, 3),), ((2, 3), {"axis": 1}), domain=GRID),
    np.logaddexp.accumulate: calls(np.logaddexp.accumulate, ((2, 3),), ((2, 3), {"axis": -1})),
    np.minimum.accumulate: calls(np.minimum.accumulate, ((2, 3),), ((2, 3), {"axis": -1}), domain=GRID),
    np.nancumsum: along(np.nancumsum, with_nan),
    np.nancumprod: along(np.nancumprod, with_nan),
    np.diff: along(np.diff)
    + along(np.diff, n=2)
    + calls(
        np.diff,
        (lambda x, y: np.diff(x, axis=0, prepend=y, append=1.0), (3, 2), (2, 2)),
        (lambda x: np.diff(x, prepend=0.0, append=np.ones((2, 2))), (2, 3)),
        (lambda x: np.diff(x, n=0, prepend=1.0), (3,)),
        ((3, 2), {"n": 4, "axis": 0}),
        (lambda x: np.diff(x, n=5), (3,)),
    ),
    np.ediff1d: calls(np.ediff1d, ((2, 3),), ((3,), {"to_begin": 1.0, "to_end": [2.0, 3.0]})),
    np.trapezoid: along(np.trapezoid)
    + along(np.trapezoid, dx=0.5)
    + calls(
        np.trapezoid,
        (lambda y, x: np.trapezoid(y, x), (4,), (4,)),
        (lambda y, x: np.trapezoid(y, x, axis=0), (4, 2), (4,)),
        (lambda y, x: np.trapezoid(y, x, axis=0), (4, 2), (4, 2)),
    ),
    # series
    np.gradient: calls(
        np.gradient,
        ((4,),),
        ((2, 3),),
        (lambda x: np.gradient(x, 2.0, [0.0, 1.0, 3.0], edge_order=1), (2, 3)),
        (lambda x: np.gradient(x, 0.5, axis=-1, edge_order=2), (2, 4)),
        (lambda x: np.gradient(x, [0.0, 1.0, 1.5, 4.0], edge_order=2), (4,)),
    )
    + calls(np.gradient, (lambda x, h: np.gradient(x, h), (3,), ()), domain=POSITIVE),
    np.unwrap: calls(np.unwrap, (lambda x: np.unwrap(5 * x), (5,)), ((2, 3), {"axis": 0, "period": 1.0})),
    np.convolve: [
        on(lambda a, v, m=m: np.convolve(a, v, m), (n,), (k,))
        for m in ("full", "same", "valid")
        for n, k in ((5, 3), (3, 4), (1, 1))
    ],
    np.correlate: [
        on(lambda a, v, m=m: np.correlate(a, v, m), (n,), (k,))
        for m in ("full", "same", "valid")
        for n, k in ((5, 2), (3, 4), (1, 1))
    ],
    np.interp: calls(
        np.interp,
        (lambda x, fp: np.interp(x, [-1.0, 0.0, 1.5], fp), (2, 3), (3,)),
        (lambda x, xp: np.interp(x, np.cumsum(xp**2 + 0.1) - 2, [1.0, 3.0, 2.0], left=-1.0, right=5.0), (4,), (3,)),
        (lambda x, fp: np.interp(x, [0.9, 0.0, 0.3], fp, period=1.2), (4,), (3,)),
    )
    + calls(np.interp, (lambda x: np.interp(x, [0.0], [2.0]), (2,))),
    np.linspace: calls(
        np.linspace,
        (lambda a, b: np.linspace(a, b, 4), (), ()),
        (lambda a, b: np.linspace(a, b, 3, endpoint=False, axis=-1), (2,), (3, 1)),
        (lambda a: np.linspace(a, 2.0, 1), ()),
        dtypes=F64,
    ),
    np.geomspace: calls(
        np.geomspace,
        (lambda a, b: np.geomspace(a, b, 4), (), (2,)),
        (lambda a, b: np.geomspace(-a, -b, 3, endpoint=False, axis=-1), (2,), (2,)),
        (lambda a: np.geomspace(a, 2.0, 1), ()),
        domain=POSITIVE,
        dtypes=F64,
    ),
    np.logspace: calls(np.logspace, (lambda a, b: np.logspace(a, b, 4, base=2.0), (), (2,)), dtypes=F64),
    np.piecewise: calls(
        np.piecewise,
        (lambda x: np.piecewise(x, [x < 0, x > 1], [lambda z: -z, lambda z: z**2]), (5,)),
        (lambda x: np.piecewise(x, [x < 0], [1.0, lambda z, k: z**3 * k], 2), (2, 3)),
        domain=GRID,
    ),
    np.polyval: calls(np.polyval, ((3,), (2, 2)), (lambda x: np.polyval([1.0, 2.0], x), (3,))),
    np.vander: calls(np.vander, ((3,),), ((3,), {"N": 4, "increasing": True})),
    # shapes
    np.reshape: calls(
        np.reshape,
        (lambda x: np.reshape(x, (3, -1)), (2, 3)),
        (lambda x: np.reshape(x, ()), (1,)),
        (lambda x: np.reshape(x, (3, -1), order="F"), (2, 3, 2)),
    ),
    np.ravel: calls(np.ravel, ((2, 3),), ((),), ((2, 3), {"order": "F"})),
    np.transpose: calls(np.transpose, ((2, 3, 4),), ((2, 3, 4), {"axes": (1, -1, 0)})),
    np.swapaxes: calls(np.swapaxes, (lambda x: np.swapaxes(x, 0, -1), (2, 3, 4))),
    np.matrix_transpose: calls(np.matrix_transpose, ((2, 3, 4),)),
    np.linalg.matrix_transpose: calls(np.linalg.matrix_transpose, ((2, 3, 4),)),
    np.moveaxis: calls(
        np.moveaxis,
        (lambda x: np.moveaxis(x, 0, -1), (2, 3, 4)),
        (lambda x: np.moveaxis(x, (2, 0), (0, 1)), (2, 3, 4)),
        (lambda x: np.moveaxis(x, [0, -1], [-1, -2]), (2, 3, 4)),
    ),
    np.rollaxis: calls(
        np.rollaxis,
        *((lambda x, a=a, s=s: np.rollaxis(x, a, s), (2, 3, 4)) for a in (0, 1, -1) for s in (0, 1, 2, 3, -1)),
    ),
    np.expand_dims: calls(np.expand_dims, (lambda x: np.expand_dims(x, (0, -1)), (2, 3))),
    np.squeeze: calls(np.squeeze, ((1, 3, 1),), ((1, 3, 1), {"axis": 0})),
    np.atleast_1d: calls(np.atleast_1d, ((),), ((3,),), ((), (2,))),
    np.atleast_2d: calls(np.atleast_2d, ((),), ((3,),), ((2, 3),), ((), (2,))),
    np.atleast_3d: calls(np.atleast_3d, ((),), ((3,),), ((2, 3),), ((2, 3, 1),)),
    np.broadcast_to: calls(
        np.broadcast_to, (lambda x: np.broadcast_to(x, (2, 3)), (3,)), (lambda x: np.broadcast_to(x, 3), ())
    ),
    np.broadcast_arrays: calls(np.broadcast_arrays, ((3,), (2, 1))),
    np.meshgrid: calls(
        np.meshgrid, ((3,), (2,)), ((3,), (2,), (2,), {"indexing": "ij"}), ((3,), (2,), {"sparse": True}), ((3,),)
    ),
    # joining and splitting
    np.concatenate: calls(
        np.concatenate,
        (lambda *xs: np.concatenate(xs, 1), (2, 1), (2, 3)),
        (lambda *xs: np.concatenate(xs, None), (2, 1), (3,)),
        (lambda *xs: np.concatenate(xs, dtype=np.float64), (2,), (3,)),
    ),
    np.stack: calls(np.stack, (lambda *xs: np.stack(xs, -1), (2, 3), (2, 3))),
    np.vstack: calls(np.vstack, (lambda *xs: np.vstack(xs), (3,), (2, 3))),
    np.hstack: calls(
        np.hstack,
        (lambda *xs: np.hstack(xs), (3,), (2,)),
        (lambda *xs: np.hstack(xs), (2, 3), (2, 1)),
        (lambda *xs: np.hstack(xs), (), (2,)),
    ),
    np.dstack: calls(
        np.dstack, (lambda *xs: np.dstack(xs), (3,), (3,)), (lambda *xs: np.dstack(xs), (2, 3), (2, 3, 2))
    ),
    np.column_stack: calls(np.column_stack, (lambda *xs: np.column_stack(xs), (3,), (3, 2))),
    np.block: calls(
        np.block,
        (lambda a, b, c: np.block([[a, b], [c]]), (2, 2), (2, 1), (1, 3)),
        (lambda a, b: np.block([a, b]), (2,), (3,)),
    ),
    np.append: calls(
        np.append, (lambda a, b: np.append(a, b), (2, 2), (3,)), (lambda a, b: np.append(a, b, axis=0), (2, 2), (1, 2))
    ),
    np.split: calls(np.split, (lambda x: np.split(x, 2), (4,)), (lambda x: np.split(x, [1, 3], axis=-1), (2, 4))),
    np.array_split: calls(
        np.array_split,
        (lambda x: np.array_split(x, 3), (5,)),
        (lambda x: np.array_split(x, 4, axis=1), (2, 3)),
        (lambda x: np.array_split(x, [1, -1]), (5,)),
    ),
    np.hsplit: calls(np.hsplit, (lambda x: np.hsplit(x, 2), (4,)), (lambda x: np.hsplit(x, 2), (2, 4))),
    np.vsplit: calls(np.vsplit, (lambda x: np.vsplit(x, 2), (4, 2))),
    np.dsplit: calls(np.dsplit, (lambda x: np.dsplit(x, 2), (1, 2, 4))),
    np.unstack: calls(np.unstack, ((2, 3),), ((2, 3), {"axis": 1})),
    # picking, moving, repeating
    np.take: calls(
        np.take,
        (lambda x: np.take(x, [2, 0, 2]), (2, 3)),
        (lambda x: np.take(x, [[0, -1]], axis=1), (2, 3)),
        (lambda x: np.take(x, 1, axis=0), (2, 3)),
        (lambda x: np.take(x, []), (2, 3)),
        (lambda x: np.take(x, [4, -7], mode="wrap"), (3,)),
        (lambda x: np.take(x, [4, -7], mode="clip"), (3,)),
    ),
    np.take_along_axis: calls(
        np.take_along_axis,
        (lambda x: np.take_along_axis(x, np.array([[1], [0]]), 1), (2, 3)),
        (lambda x: np.take_along_axis(x, np.array([3, 0]), None), (2, 3)),
        (lambda x: np.take_along_axis(x, np.array([[1, 0, 1]]), 0), (2, 3)),
    ),
    np.compress: calls(
        np.compress,
        (lambda x: np.compress([False, True, True], x, axis=1), (2, 3)),
        (lambda x: np.compress([True, False, True], x), (2, 3)),
    ),
    np.extract: calls(np.extract, (lambda x: np.extract(x > 0, x), (2, 3)), domain=GRID),
    np.lib.stride_tricks.sliding_window_view: calls(
        np.lib.stride_tricks.sliding_window_view,
        (lambda x: np.lib.stride_tricks.sliding_window_view(x, 2), (4,)),
        (lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2), (0, -1)), (3, 2, 3)),
    ),
    np.unique: calls(
        np.unique, ((2, 3),), (lambda x: np.unique(x, axis=0, return_counts=True)[0], (3, 2)), domain=GRID
    ),
    np.choose: calls(
        np.choose,
        (lambda a, b: np.choose([1, 0, 1], [a, b]), (3,), (2, 3)),
        (lambda a, b: np.choose([4, 0], [a, b], mode="wrap"), (2,), (2,)),
    ),
    np.diagonal: calls(np.diagonal, ((2, 3),), ((2, 3, 3), {"offset": -1, "axis1": 1, "axis2": 2})),
    np.linalg.diagonal: calls(np.linalg.diagonal, ((2, 3, 3),), ((2, 3, 3), {"offset": 1})),
    np.trace: calls(
        np.trace, ((3, 2), {"dtype": np.float64}), ((3, 2),), ((2, 3, 3), {"offset": 1, "axis1": 2, "axis2": 1})
    ),
    np.linalg.trace: calls(np.linalg.trace, ((2, 3, 3),)),
    np.diag: calls(np.diag, ((3,),), ((3,), {"k": 1}), ((2, 3),), ((3, 2), {"k": -1})),
    np.diagflat: calls(np.diagflat, ((2, 2),), ((2,), {"k": -1})),
    np.tril: calls(np.tril, ((3, 3),), ((2, 2, 3), {"k": 1})),
    np.triu: calls(np.triu, ((3, 3),), ((2, 2, 3), {"k": -1})),
    np.roll: calls(np.roll, (lambda x: np.roll(x, 2), (2, 3)), (lambda x: np.roll(x, (1, -1), (0, 1)), (2, 3))),
    np.flip: calls(np.flip, ((2, 3),), ((2, 3), {"axis": (0, -1)})),
    np.fliplr: calls(np.fliplr, ((2, 3),)),
    np.flipud: calls(np.flipud, ((2, 3),)),
    np.rot90: calls(np.rot90, ((2, 3),), ((2, 3, 4), {"k": 3, "axes": (2, 0)})),
    np.tile: calls(np.tile, (lambda x: np.tile(x, 2), (2, 3)), (lambda x: np.tile(x, (2, 1, 3)), (2,))),
    np.repeat: calls(
        np.repeat, (lambda x: np.repeat(x, 2), (2, 3)), (lambda x: np.repeat(x, [1, 0, 2], axis=1), (2, 3))
    ),
    np.resize: calls(np.resize, (lambda x: np.resize(x, (3, 3)), (2, 2)), (lambda x: np.resize(x, 2), (3,))),
    np.pad: calls(
        np.pad,
        *(
            (lambda x, m=m: np.pad(x, ((1, 2), (0, 1)), mode=m), (3, 2))
            for m in ("constant", "edge", "reflect", "symmetric", "wrap")
        ),
        (lambda x: np.pad(x, (1, 2), constant_values=(3, 4)), (3,)),
        (lambda x, f: np.pad(x, ((1, 2), (0, 1)), constant_values=f), (3, 2), ()),
        (lambda x, f, g: np.pad(x, 1, constant_values=((f, 1.0), (2.0, g))), (3, 2), (), ()),
        (lambda x: np.pad(x, {-1: 1}), (2, 2)),
        (lambda x: np.pad(x, 4, "reflect"), (3,)),
        (lambda x, e, f: np.pad(x, ((1, 0), (2, 3)), "linear_ramp", end_values=((0, e), (f, 1))), (2, 3), (), ()),
        *(
            (lambda x, m=m, n=n: np.pad(x, ((1, 0), (2, 3)), m, stat_length=n), (2, 3))
            for m in ("mean", "median", "maximum", "minimum")
            for n in (None, (2, 1))
        ),
        *(
            (lambda x, m=m, s=s: np.pad(x, 4, m, reflect_type="odd"), s)
            for m in ("reflect", "symmetric")
            for s in ((2, 3), (1,))
        ),
        domain=GRID,
    ),
    np.bincount: calls(np.bincount, (lambda x: np.bincount([2, 0, 2], x, 5), (3,)), dtypes=F64),
    np.delete: calls(
        np.delete,
        (lambda x: np.delete(x, [0, -1]), (2, 3)),
        (lambda x: np.delete(x, slice(None, None, 2), 1), (2, 3)),
        (lambda x: np.delete(x, np.array([True, False]), 0), (2, 3)),
    ),
    np.insert: calls(
        np.insert,
        (lambda x, v: np.insert(x, 1, v), (2, 2), ()),
        (lambda x, v: np.insert(x, [0, 2, 2], v, axis=1), (2, 2), (2, 3)),
        (lambda x, v: np.insert(x, 1, v, axis=0), (2, 3), (3,)),
        (lambda x, v: np.insert(x, [1], v, axis=1), (2, 3), (2, 2)),
    ),
    np.sort: calls(np.sort, ((5,),), ((2, 3), {"axis": 0}), ((2, 3), {"axis": None}), domain=GRID),
    np.partition: calls(
        np.partition, (lambda x: np.partition(x, 2), (5,)), (lambda x: np.partition(x, 1, axis=0), (3, 2)), domain=GRID
    ),
    # products
    np.dot: calls(
        np.dot, ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((), (2, 3)), ((3,), (2, 3, 2)), ((2, 3), (2, 3, 2))
    ),
    np.vdot: calls(np.vdot, ((3,), (3,)), ((2, 3), (3, 2))),
    np.inner: calls(np.inner, ((3,), (3,)), ((2, 3), (4, 3)), ((2, 2, 3), (3,)), ((), (3,))),
    np.outer: calls(np.outer, ((3,), (2,)), ((2, 2), (3,))),
    np.linalg.outer: calls(np.linalg.outer, ((3,), (2,))),
    np.vecdot: calls(np.vecdot, ((2, 3), (3,)), ((3, 2), (3, 1), {"axis": 0})),
    np.linalg.vecdot: calls(np.linalg.vecdot, ((2, 3), (3,)), ((3, 2), (3, 1), {"axis": 0})),
    np.matvec: calls(np.matvec, ((2, 3), (3,)), ((4, 2, 3), (4, 3))),
    np.vecmat: calls(np.vecmat, ((3,), (3, 2)), ((4, 3), (3, 2))),
    np.tensordot: calls(
        np.tensordot,
        ((2, 3), (2, 3)),
        ((2, 3), (3, 2), {"axes": 1}),
        ((2, 3, 4), (4, 2), {"axes": ([0, -1], [1, 0])}),
        ((2,), (3,), {"axes": 0}),
    ),
    np.linalg.tensordot: calls(np.linalg.tensordot, ((2, 3), (2, 3))),
    np.linalg.matmul: calls(np.linalg.matmul, ((2, 3), (3, 2))),
    np.kron: calls(np.kron, ((2,), (3,)), ((2, 2), (1, 3)), ((2,), (2, 2)), ((2, 1, 2), (2,))),
    np.cross: calls(
        np.cross,
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3, 2), (3, 2), {"axis": 0}),
        ((3, 2), (2, 3), {"axisa": 0, "axisc": 0}),
    ),
    np.linalg.cross: calls(np.linalg.cross, ((2, 3), (2, 3))),
    np.einsum: [
        on(lambda *xs, s=s: np.einsum(s, *xs), *shapes)
        for s, *shapes in (
            ("ij,jk->ik", (2, 3), (3, 2)),
            ("ij,jk,kl", (2, 3), (3, 2), (2, 2)),
            ("ij->", (2, 3)),
            ("ii->", (3, 3)),
            ("iij->ji", (2, 2, 3)),
            ("ijij->", (2, 3, 2, 3)),
            ("iii->i", (2, 2, 2)),
            ("ba", (2, 3)),
            (" i , j -> j i ", (2,), (3,)),
            ("...ij,...jk->...ik", (2, 2, 3), (3, 2)),
            ("i...,i...", (2, 3), (2, 3)),
            ("...,...", (2, 3), (3,)),
            ("a...b,b->a...", (2, 3, 2), (2,)),
            ("ij,ij->ij", (2, 3), (2, 1)),
            ("ij,jk->ik", (2, 1), (3, 2)),
            ("ij,jk", (1, 2), (1, 3)),
            ("ii,i,j->", (1, 1), (3,), (1,)),
            ("...i,i...->...", (1, 3), (1, 2)),
            (",ij", (), (2, 3)),
            ("...ii->...", (2, 3, 3)),
        )
    ]
    + calls(
        np.einsum,
        (lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [2, 0]), (2, 3), (3, 2)),
        (lambda a: np.einsum(a, [Ellipsis, 1, 0]), (2, 2, 3)),
        (lambda a, b: np.einsum("ij,jk", a, b, optimize=True), (2, 3), (3, 2)),
    ),
    np.linalg.matrix_power: calls(
        np.linalg.matrix_power, *((lambda a, n=n: np.linalg.matrix_power(a, n), (3, 3)) for n in (1, 2, 5, -2)), **LA
    ),
    np.linalg.multi_dot: calls(
        np.linalg.multi_dot,
        (lambda *xs: np.linalg.multi_dot(xs), (2, 3), (3, 4), (4, 2)),
        (lambda *xs: np.linalg.multi_dot(xs), (3,), (3, 4), (4, 2), (2,)),
    ),
    # linear algebra
    np.linalg.slogdet: calls(np.linalg.slogdet, *SQUARE, **LA),
    np.linalg.pinv: calls(np.linalg.pinv, ((3, 2),), ((2, 2, 3),), **LA),
    np.linalg.lstsq: calls(
        np.linalg.lstsq,
        ((3, 2), (3,)),
        ((3, 2), (3, 2)),
        ((2, 2), (2,)),
        ((2, 3), (2, 2)),
        domain=(matrices, REAL),
        dtypes=F64,
    ),
    np.linalg.cholesky: calls(
        np.linalg.cholesky,
        (lambda a: np.linalg.cholesky(sym(a)), (3, 3)),
        (lambda a: np.linalg.cholesky(sym(a), upper=True), (2, 2, 2)),
        **LA,
    ),
    np.linalg.eigh: calls(
        np.linalg.eigh,
        (lambda a: np.linalg.eigh(sym(a)), (3, 3)),
        (lambda a: np.linalg.eigh(sym(a), "U"), (2, 2, 2)),
        **LA,
    ),
    np.linalg.eigvalsh: calls(np.linalg.eigvalsh, (lambda a: np.linalg.eigvalsh(sym(a)), (3, 3)), **LA),
    np.linalg.svd: calls(
        np.linalg.svd,
        ((3, 3),),
        ((3, 2), {"full_matrices": False}),
        ((2, 2, 3), {"full_matrices": False}),
        (lambda a: np.linalg.svd(a)[1], (3, 2)),
        (lambda a: np.linalg.svd(a)[2], (2, 3, 2)),
        ((3, 2), {"compute_uv": False}),
        **LA,
    ),
    np.linalg.svdvals: calls(np.linalg.svdvals, ((3, 2),), **LA),
    np.linalg.qr: calls(np.linalg.qr, ((3, 3),), ((3, 2),), ((2, 2, 3),), ((3, 2), {"mode": "r"}), **LA),
    np.linalg.tensorsolve: calls(
        np.linalg.tensorsolve,
        (lambda a, b: np.linalg.tensorsolve(np.reshape(a, (2, 2, 4)), b), (4, 4), (2, 2)),
        (lambda a, b: np.linalg.tensorsolve(np.reshape(a, (4, 2, 2)), b, axes=(0,)), (4, 4), (2, 2)),
        **LA,
    ),
    np.linalg.tensorinv: calls(
        np.linalg.tensorinv, (lambda a: np.linalg.tensorinv(np.reshape(a, (4, 2, 2)), ind=1), (4, 4)), **LA
    ),
    np.linalg.cond: calls(np.linalg.cond, ((3, 3),), ((3, 3), {"p": 1}), ((3, 3), {"p": -2}), **LA),
    np.linalg.norm: calls(
        np.linalg.norm,
        ((3,),),
        ((2, 3),),
        ((2, 3), {"axis": 0}),
        ((2, 3, 2), {"axis": (0, 2), "keepdims": True}),
        ((2, 3, 2),),
        ((2, 3), {"keepdims": True}),
        domain=NONZERO,
    )
    + calls(np.linalg.norm, *(((4,), {"ord": o}) for o in (2, 1, 0, 3, 0.5, -1, np.inf, -np.inf)), domain=GRID)
    + calls(
        np.linalg.norm,
        *((s, {"ord": o}) for o, s in NORMS),
        ((2, 3, 2), {"ord": "nuc", "axis": (2, 0), "keepdims": True}),
        **LA,
    ),
    np.linalg.vector_norm: calls(np.linalg.vector_norm, ((2, 3),), ((2, 3), {"axis": 0, "ord": 3}), domain=NONZERO),
    np.linalg.matrix_norm: calls(np.linalg.matrix_norm, ((2, 3, 2),), ((2, 3), {"ord": 1}), **LA),
}

# Answered with plain arrays: values only. Each is called once with these.
PLAIN: dict[Any, Callable[[Any], Any]] = {question: question for question in QUESTIONS} | {
    np.can_cast: lambda x: np.can_cast(np.result_type(x), np.float32),
    np.argpartition: lambda x: np.argpartition(x, 2),
    np.searchsorted: lambda x: np.searchsorted(np.sort(x), [0.0, 1.0]),
    np.digitize: lambda x: np.digitize(x, [0.0, 1.0]),
    np.allclose: lambda x: np.allclose(x, x + 1e-12),
    np.array_equal: lambda x: np.array_equal(x, x),
    np.array_equiv: lambda x: np.array_equiv(x, x),
    np.isclose: lambda x: np.isclose(x, 0.5),
    np.isin: lambda x: np.isin(x, [0.5]),
    np.lexsort: lambda x: np.lexsort((x, x > 0)),
    np.logical_and.reduce: lambda x: np.logical_and.reduce(x > 0),
    np.logical_or.reduce: lambda x: np.logical_or.reduce(x > 0, axis=-1),
    np.nonzero: lambda x: np.nonzero(x > 0)[0],
    np.array2string: lambda x: np.array2string(x),
    np.diag_indices_from: lambda x: np.diag_indices_from(x @ x.T),
    np.einsum_path: lambda x: np.einsum_path("ij,jk", x, x.T)[1],
}
FILLED = {f: f for f in (np.zeros_like, np.ones_like)} | {
    np.full_like: lambda x: np.full_like(x, 2.0),
    np.empty_like: lambda x: np.empty_like(x) * 0,
}


def name_of(f: Any) -> str:
    """np.linalg.inv, np.add.reduce..."""
    if hasattr(f, "__self__") and isinstance(f.__self__, np.ufunc):
        return f"np.{f.__self__.__name__}.{f.__name__}"
    inner = (getattr(f, "__module__", None) or "numpy").removeprefix("numpy").removeprefix(".")
    return f"np.{inner + '.' if inner in ('linalg', 'lib.stride_tricks') else ''}{f.__name__}"


def samples() -> Iterator[tuple[str, list[Sample]]]:
    """Every NumPy function that answers for Tensors and how to call it; [] for one with a plain answer."""
    for function, answer in ANSWERS.items():
        if function in FUNCTIONS:
            yield name_of(function), FUNCTIONS[function]
        elif isinstance(answer, Primitive):
            yield name_of(function), SAMPLES[answer.name] if answer.kind != "constant" else []
        else:
            yield name_of(function), []
