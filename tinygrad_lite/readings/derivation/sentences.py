"""Every sentence and heading of a page, in one table, which a course may translate.

A sentence is chosen by the row that ran, the operand and the shapes, never by the network. `{y}` is the result of the
row, `{x}` the operand that the line is about, `{other}` the other operand, `{n}` a count; `$...$` is a formula, in
which `#1 #2 #3 #4` are x, y, the other and n.
"""

from __future__ import annotations

SENTENCES = {
    # layers and products
    "affine.input": r"$\frac{\partial #2_j}{\partial #1_k} = #3_{jk}$, and the sum over $j$ runs down a "
    r"column of {other}: "
    "hence the transpose.",
    "affine.input.batch": r"$\frac{\partial #2_{nj}}{\partial #1_{nk}} = #3_{jk}$, and the sum over $j$ runs "
    r"down a column of "
    "{other}; each example by itself.",
    "affine.weight": r"$\frac{\partial #2_j}{\partial #1_{jk}} = #3_k$, and no other entry of {y} depends on "
    r"$#1_{jk}$: an "
    "outer product. {other} is a column and stands here as a row, so it is transposed.",
    "affine.weight.batch": "Each of the {n} examples used the same {x}, so their shares add up: a sum over the batch. "
    "The transpose puts the batch axis where the product sums over it.",
    "affine.weight.one": "The one example of this batch used {x}, so the sum over the batch has one term. "
    "The transpose puts the batch axis where the product sums over it.",
    "affine.weight.places": "Each of the {n} places in the batch used the same {x}, so their shares add up: a sum over "
    "all of them. The transpose puts their axis where the product sums over it.",
    "affine.bias": r"$\frac{\partial #2_j}{\partial #1_j} = 1$: handed on as it is.",
    "affine.bias.batch": "{x} was added to each of the {n} examples, so their shares add up: a sum over the batch.",
    "affine.bias.one": "{x} was added to the one example of this batch: the sum over the batch has one term.",
    "affine.bias.places": "{x} was added at each of the {n} places in the batch, so their shares add up: a sum over "
    "all of them.",
    "matmul.left": r"In $#2 = #1\,#3$ the sum over the columns of {y} runs along a row of {other}: hence its "
    r"transpose.",
    "matmul.right": r"In $#2 = #3\,#1$ the sum over the rows of {y} runs down a column of {other}: hence its "
    r"transpose.",
    "matmul.left.folded": "The sum over the columns of {y} runs along a row of the other factor: hence its transpose.",
    "matmul.right.folded": "The sum over the rows of {y} runs down a column of the other factor: hence its transpose.",
    "matmul.left.vector": "Each entry of {y} is a row of {x} times the vector {other}: an outer product.",
    "matmul.right.vector": r"$\frac{\partial #2_j}{\partial #1_k} = #3_{jk}$, summed over $j$: hence the transpose.",
    "matmul.dot": "A scalar product: each entry of {x} was multiplied by the same entry of {other}.",
    # entry by entry
    "relu": "relu passes the gradient where $#1 > 0$ and stops it elsewhere: a mask, entry by entry, so the product is "
    "elementwise. By convention relu'(0) = 0. Here {on} of {n} are on.",
    "add": "A sum hands its cotangent to each summand as it is.",
    "subtract.left": "A difference hands its cotangent to the first operand as it is.",
    "subtract.right": "{x} is subtracted, so its cotangent gets a minus sign.",
    "multiply": "A product hands each factor the cotangent times the other factor.",
    "multiply.constant": "A constant factor stays in front.",
    "divide.left": r"What stands below stays below: $\frac{\partial #2}{\partial #1} = \frac{1}{#3}$.",
    "divide.right": r"Of a quotient by what is below: $\frac{\partial #2}{\partial #1} = -\frac{#2}{#1}$.",
    "divide.folded": "A constant over a value: its derivative is minus the constant over the square of that value.",
    "negative": "A minus sign stays a minus sign.",
    "pointwise": "{op} works on each entry by itself: its Jacobian is diagonal, so the product with its derivative is "
    "elementwise.",
    "pointwise.scalar": "One number in, one number out: the cotangent times the derivative of {op}.",
    "where": "The gradient goes to the branch that was chosen; the other gets zeros.",
    # reductions
    "sum": "Every entry went into the sum with weight 1, so each gets a copy of the cotangent.",
    "mean": r"Each of the {n} entries went into the mean with weight $\frac{1}{#4}$.",
    "max": "Only the largest entry moves the maximum, so the gradient goes there; equal ones share it.",
    "min": "Only the smallest entry moves the minimum, so the gradient goes there; equal ones share it.",
    "var": r"A variance is a mean of squares: $\frac{2}{#4}$ times the distance from the mean. The mean moves "
    r"too, but the "
    "distances from it sum to 0, so that path vanishes.",
    "logsumexp": r"The derivative of $\ln \sum e^{#1}$ is the softmax of {x}: each entry's share in the sum.",
    "norm": r"A length grows along its own direction, $\frac{#1}{\lVert #1 \rVert}$.",
    # arranging
    "getitem": "Only some entries of {x} were read: the gradient goes back to where they came from, the others get 0.",
    "pick": "Each example read one entry of {x}, that of its label: the gradient goes back there.",
    "concatenate": "{x} is one of the parts that were joined: it gets its own slice back.",
    "stack": "{x} is one of the parts that were stacked: it gets its own slice back.",
    "transpose": "A transpose is undone by a transpose.",
    "reshape": "The same numbers in another shape: the gradient is put back into the old one.",
    # images
    "conv2d.input": "Each pixel of {x} was seen through several taps of {other}: what comes back from all "
    "the places that "
    "saw it adds up, a transposed convolution.",
    "conv2d.weight": "Each tap of {x} was used at every place of every image, so its gradient is a sum over "
    "the places: "
    "what came back there times what the tap saw.",
    "conv2d.bias": "{x} was added at every place of every image: the sum over examples and places.",
    "max_pool2d": "Only a window's largest entry reached {y}: the gradient goes back to its place; equal "
    "ones share it.",
    "sum_pool2d": "Every entry of a window went into its sum with weight 1.",
    # losses
    "squared_loss": r"The square gives 2 times the error, and the $\frac{1}{2}$ takes the 2 away; the inner "
    r"derivative by "
    "{x} is -1 and turns the error round.",
    "squared_loss.batch": r"The loss is a mean over {n} examples, so each has weight $\frac{1}{#4}$.",
    # any other row
    "linear": "{op} is linear in {x}: the cotangent goes back by its adjoint.",
    "general": "The vector-Jacobian product of {op}.",
    # what a line has to say besides
    "broadcast": "{x} {shape} was broadcast to {wide}: every copy got a share, and they add up.",
    "lacking": "{x} {shape} counts as {wide} here: it is repeated along the axis that it lacks.",
    "fork": "{x} feeds {n} places, so {n} terms: where paths meet, their shares are summed.",
    "pieces": "{x} was cut into {n} pieces that share no entry: what comes back from each is put in its place.",
    "fused": "The steps inside {y} in one line: each has its own rule, and what they come to was simplified "
    "and evaluated.",
    "stages": "… {n} more …",
    "not needed": ": not needed, as no step changes the data.",
    "old": "All from the old values: nothing has been updated yet.",
    # the page
    "title": "The derivatives of {loss}, step by step",
    "title.quiz": "{title}: fill in the blanks",
    "title.answers": "{title}: answers",
    "network": "Network",
    "given": "Given",
    "forward": "Forward",
    "backward": "Backward",
    "checked": "Checked",
    "update": "Update",
    "one line": "In one line",
    "one entry": "Down to one entry: {entry}",
    "columns": "A vector of n numbers is written as a column, (n,1).",
    "upwards": "From the loss upwards. {seed} = 1, and every derivative has the shape of what it is the derivative by.",
    "upwards.numerator": "From the loss upwards. {seed} = 1. Numerator layout: the derivative by a column is a row, "
    "that by a matrix of shape (m,n) has shape (n,m). For an update it is transposed.",
    "delta": "δ is the derivative of {loss} by the weighted input of a layer, and by nothing else: {symbols}.",
    "bar": "A bar means the derivative of {loss} by what is under it (its adjoint).",
    "code": "The name dz means the derivative of {loss} by z, as programs call it.",
    "at parameters": "The mean over {n} examples at the parameters: on the way to them every derivative is {n} times "
    "that of {loss}, and $\\frac{1}{#4}$ comes in where a parameter gets its own.",
    "heads": "heads cuts each row into {n} pieces, one for each head, and gives each head the matrix of its pieces; "
    "join puts the pieces side by side again. Each undoes the other, so the gradient goes back through the other.",
    "omitted": "{n} lines in the middle are left out; derive a part of it with wrt=...",
    "via": "via {line}: ",
    "via.folded": "a folded step",
    # what was checked
    "ok": "checked",
    "fails": "FAILS",
    "fails.line": "FAILS: {line}, {kind}: {note} (off by {error})",
    "fails.value": "the printed expression evaluates to something else",
    "fails.adjoint": "the rule is not the adjoint of what the row does",
    "fails.differences": "the loss moves otherwise when this value is moved",
    "off": "{kind}: {note}, off by {error}",
    "checked.value": "values re-computed from the printed expressions: {held} of {n}, largest relative error {error}",
    "checked.adjoint": "adjoint identity ⟨g, J u⟩ = ⟨Jᵀ g, u⟩: {held} of {n}, largest relative error {error}",
    "checked.differences": "cut-and-replay differences: {held} of {n}, largest relative error {error}",
    "kink": "At a kink, where one-sided values differ, the convention holds: {convention}.",
    "kink.other": "one-sided at a kink",
    "unchecked": "No differences were taken for {n} lines: it would have taken long.",
    "weak": "This point is a weak test: {reasons}. Other data would tell more.",
    "weak.equal": "all {n} entries of {x} are equal, so these numbers cannot tell one unit from another",
    "weak.on": "all {n} entries of {x} are on, so a mask that was forgotten would not show",
    "balance": "{op} balance: {equation} for {held} of {n} units",
    "balance.first": ", first {numbers}",
    # one entry, path by path
    "paths": "{n} paths lead from it to the loss; along each the derivatives multiply, and the paths add up.",
    "paths.one": "1 path leads from it to the loss; along it the derivatives multiply.",
    "paths.many": "More than {n} paths lead from it to the loss; along each the derivatives multiply, and the paths "
    "add up.",
    "paths.none": "Every path from it to the loss is cut by a factor 0, so {target} = 0.",
    "paths.rest": "{n} more paths are not written out.",
    "paths.others": "The others are not followed.",
    "paths.sum": "Their sum is {target} = {total}.",
    # the update
    "step": "One step of {how}: all at once, from the old values.",
    "step.descent": "gradient descent",
    "step.rate": "{how}, learning rate {lr}",
    "predicted.squares": "predicted decrease: learning rate times |gradient|^2 = {lr} * {squares} = {decrease}",
    "predicted": "predicted decrease: -<gradient, step> = {decrease}",
    "measured": "measured: {loss} goes from {before} to {after}, a decrease of {decrease}; the rest is of second order",
}

# What stands in for a derivative that is none, by the row.
CONVENTIONS = {
    "relu": "relu'(0) = 0", "leaky_relu": "leaky relu'(0) = slope", "absolute": "|x|' = 0 at 0",
    "maximum": "a tie is shared equally", "minimum": "a tie is shared equally", "max": "a tie is shared equally",
    "min": "a tie is shared equally", "clip": "clip' = 1 at its edges", "max_pool2d": "a tie is shared equally",
    "elu": "elu'(0) = alpha", "sign": "sign' = 0",
}  # fmt: skip
