"""Optimisers and schedules built by the same code from PyTorch's names and from ours, and the paths they take.

`python -m tests.optim.torch_cases` stores PyTorch's paths for machines without it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_lite as tl

STORED = Path(__file__).with_name("torch_paths.json")
STEPS = 7

OPTIMISERS = [
    *(f"SGD(params, {options})" for options in (
        "", "lr=0.1", "0.1, 0.9", "0.1, momentum=0.9, dampening=0.5", "0.1, 0.9, 0, 0.01", "0.1, weight_decay=0.1",
        "0.1, momentum=0.9, nesterov=True", "0.1, 0.9, maximize=True",
    )),
    *(f"{kind}(params{options})" for kind in ("Adam", "AdamW") for options in (
        "", ", 0.1", ", 0.1, (0.5, 0.9), 1e-3", ", lr=0.1, weight_decay=0.1", ", lr=0.1, amsgrad=True",
        ", lr=0.1, maximize=True",
    )),
    *(f"RMSprop(params{options})" for options in (
        "", ", 0.1, 0.9, 1e-3", ", lr=0.1, momentum=0.9", ", lr=0.1, centered=True", ", lr=0.1, weight_decay=0.1",
        ", lr=0.1, centered=True, momentum=0.5, maximize=True",
    )),
    *(f"Adagrad(params{options})" for options in (
        "", ", 0.1, 0.01", ", lr=0.1, weight_decay=0.1", ", lr=0.1, initial_accumulator_value=0.5, eps=1e-3",
    )),
    "SGD([{'params': params[:1]}, {'params': params[1:], 'lr': 0.5, 'momentum': 0.5}], lr=0.1)",
    "Adam(params, 0.1, weight_decay=0.1, decoupled_weight_decay=True)",
    "AdamW([{'params': params[:1], 'weight_decay': 0}, {'params': params[1:], 'betas': (0.5, 0.5)}], lr=0.1)",
]  # fmt: skip

SCHEDULES = [
    "StepLR(opt, 3)", "StepLR(opt, step_size=2, gamma=0.5)", "MultiStepLR(opt, [2, 5, 5])",
    "MultiStepLR(opt, milestones=[3], gamma=0.5)", "ExponentialLR(opt, 0.9)", "LinearLR(opt)",
    "LinearLR(opt, start_factor=0.1, end_factor=0.8, total_iters=4)", "CosineAnnealingLR(opt, 10)",
    "CosineAnnealingLR(opt, 8, 0.01)", "LambdaLR(opt, lambda t: 1 / (1 + t))", "OneCycleLR(opt, 0.5, 13)",
    "OneCycleLR(opt, 0.5, 20, three_phase=True)",
    "OneCycleLR(opt, max_lr=0.5, epochs=4, steps_per_epoch=4, anneal_strategy='linear')",
    "OneCycleLR(opt, [0.5, 0.2], 20, pct_start=0.5, div_factor=10, final_div_factor=100, cycle_momentum=False)",
    "SequentialLR(opt, [LinearLR(opt, 0.2, total_iters=3), CosineAnnealingLR(opt, 9)], [3])",
    "ReduceLROnPlateau(opt, patience=1)", "ReduceLROnPlateau(opt, 'max', 0.5, 0, cooldown=2)",
    "ReduceLROnPlateau(opt, factor=0.5, patience=1, threshold=0.3, threshold_mode='abs', min_lr=0.04)",
]  # fmt: skip
METRICS = (5.0, 4.0, 4.1, 4.0, 3.9, 3.9, 3.9, 3.9, 3.0, 3.0, 3.0, 3.0)


def _start() -> tuple[list[Any], list[list[Any]]]:
    rng = np.random.default_rng(5)
    shapes: list[tuple[int, ...]] = [(2, 3), (3,), ()]
    return [np.asarray(rng.standard_normal(s)) for s in shapes], [
        [np.asarray(rng.standard_normal(s)) for s in shapes] for _ in range(STEPS)
    ]


def path(code: str, library: str) -> list[float]:
    """All parameters, end to end, after some steps with given gradients."""
    values, gradients = _start()
    if library == "torch":
        import torch

        params = [torch.tensor(v, requires_grad=True) for v in values]
        opt = eval(code, {**vars(torch.optim), "params": params})
        for step in gradients:
            for p, g in zip(params, step, strict=True):
                p.grad = torch.tensor(g)
            opt.step()
        return [float(x) for p in params for x in p.detach().numpy().ravel()]
    ours = [tl.tensor(v, requires_grad=True) for v in values]
    optimiser = eval(code, {**vars(tl.optim), "params": ours})
    for step in gradients:
        for q, g in zip(ours, step, strict=True):
            q.grad = g
        optimiser.step()
    return [float(x) for q in ours for x in q.numpy().ravel()]


def rates(code: str, library: str) -> list[float]:
    """The rates of both groups (and the first momentum) over some epochs."""
    if library == "torch":
        import torch

        optim: Any = torch.optim
        params: Any = [torch.zeros(1, requires_grad=True) for _ in range(2)]
    else:
        optim, params = tl.optim, [tl.tensor([0.0], requires_grad=True) for _ in range(2)]
    groups = [{"params": [params[0]]}, {"params": [params[1]], "lr": 0.05}]
    opt = optim.SGD(groups, lr=0.1, momentum=0.9)
    schedule = eval(code, {**vars(optim.lr_scheduler), "opt": opt})
    found = []
    for metric in METRICS:
        found += [float(group["lr"]) for group in opt.param_groups] + [float(opt.param_groups[0]["momentum"])]
        for p in params:
            p.grad = p * 0 if library == "torch" else np.zeros(1)
        opt.step()
        schedule.step(*([metric] if "Plateau" in code else []))
    return found


def resumed_rates(code: str, after: int) -> list[float]:
    """The same rates, the schedule and the optimiser made anew after some epochs with `last_epoch`."""
    groups: list[dict[str, Any]] = [{"params": [tl.tensor([0.0], requires_grad=True)]} for _ in range(2)]
    groups[1]["lr"] = 0.05
    found = []
    opt: Any = None
    for epoch in range(len(METRICS)):
        if epoch in (0, after):
            opt = tl.optim.SGD([dict(group) for group in (opt.param_groups if epoch else groups)], lr=0.1, momentum=0.9)
            resuming = code if not epoch else code[:-1] + f", last_epoch={epoch - 1})"
            schedule = eval(resuming, {**vars(tl.optim.lr_scheduler), "opt": opt})
        found += [float(group["lr"]) for group in opt.param_groups] + [float(opt.param_groups[0]["momentum"])]
        schedule.step()
    return found


def main() -> None:
    """Store PyTorch's paths and rates."""
    found = {code: path(code, "torch") for code in OPTIMISERS} | {code: rates(code, "torch") for code in SCHEDULES}
    STORED.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items()) + "\n}\n")
    print(f"{len(found)} paths, {STORED.stat().st_size} bytes in {STORED.name}")


if __name__ == "__main__":
    main()
