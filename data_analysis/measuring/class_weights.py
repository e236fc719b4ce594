"""The weight of a class by its number of clips."""

from __future__ import annotations

from typing import Any


def inverse_effective_numbers(counts: Any, beta: float) -> Any:
    """Weigh classes by the inverse of their effective numbers (arXiv 1901.05555, Sec. 3-4).

    ``E_k = (1 - beta^n_k) / (1 - beta)`` counts the n_k clips of a class less the overlap among
    them: ``beta`` 0 weighs all classes alike, ``beta`` towards 1 by their inverse frequency.

    Args:
        counts: n, an array or a tensor of integers or of doubles, without which ``1 - beta^n``
            loses digits as ``beta`` nears 1.
        beta: The overlap, in [0, 1). The paper tries 0.9, 0.99, 0.999 and 0.9999.

    Returns:
        ``1 / E``, not normalised; infinite for a class without clips.
    """
    return (1 - beta) / (1 - beta**counts)
