"""Signs that formulas are written with: TeX's word for each."""

SYMBOLS = {
    "odot": "⊙", "circ": "∘", "le": "≤", "ge": "≥", "ne": "≠", "wedge": "∧", "vee": "∨", "oplus": "⊕", "neg": "¬",
    "sum": "∑", "prod": "∏", "cdot": "·", "times": "×", "lvert": "|", "rvert": "|", "lVert": "‖", "rVert": "‖",
    "infty": "∞", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "partial": "∂", "to": "→", "in": "∈",
    "pm": "±", "star": "⋆", "gets": "←", "dots": "…",
}  # fmt: skip
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "theta": "θ", "lambda": "λ", "mu": "μ",
    "sigma": "σ", "phi": "φ", "Phi": "Φ", "Gamma": "Γ", "Delta": "Δ", "psi": "ψ", "pi": "π", "rho": "ρ", "tau": "τ",
}  # fmt: skip
