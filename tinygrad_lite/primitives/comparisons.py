"""Comparisons and logic: on the graph, so that a mask can be drawn and run again, but without a gradient."""

from __future__ import annotations

import operator

import numpy as np

from tinygrad_lite.primitive import constant

greater = constant(operator.gt, "#1 > #2", symbol=">", numpy=np.greater)
greater_equal = constant(operator.ge, r"#1 \ge #2", symbol=">=", numpy=np.greater_equal)
less = constant(operator.lt, "#1 < #2", symbol="<", numpy=np.less)
less_equal = constant(operator.le, r"#1 \le #2", symbol="<=", numpy=np.less_equal)
equal = constant(operator.eq, "#1 = #2", symbol="==", numpy=np.equal)
not_equal = constant(operator.ne, r"#1 \ne #2", symbol="!=", numpy=np.not_equal)
logical_and = constant(np.logical_and, r"#1 \wedge #2", numpy=np.logical_and)
logical_or = constant(np.logical_or, r"#1 \vee #2", numpy=np.logical_or)
logical_xor = constant(np.logical_xor, r"#1 \oplus #2", numpy=np.logical_xor)
logical_not = constant(np.logical_not, r"\neg #1", numpy=np.logical_not)
bitwise_and = constant(operator.and_, r"#1 \wedge #2", symbol="&", numpy=np.bitwise_and)
bitwise_or = constant(operator.or_, r"#1 \vee #2", symbol="|", numpy=np.bitwise_or)
bitwise_xor = constant(operator.xor, r"#1 \oplus #2", symbol="^", numpy=np.bitwise_xor)
invert = constant(operator.invert, r"\neg #1", symbol="~", numpy=np.invert)
isfinite = constant(np.isfinite, r"\mathrm{isfinite}(#1)", numpy=np.isfinite)
isnan = constant(np.isnan, r"\mathrm{isnan}(#1)", numpy=np.isnan)
isinf = constant(np.isinf, r"\mathrm{isinf}(#1)", numpy=np.isinf)
