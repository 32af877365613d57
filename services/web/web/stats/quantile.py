"""Quantiles of a histogram, by linear interpolation within a bucket, as Prometheus'
`histogram_quantile` computes them for classic histograms.
"""

import math
from collections.abc import Mapping


def upper_bound(le: str) -> float | None:
    """The bound that a bucket's label `le` says, from 0 to infinity; None for any other text.

    What is measured here takes time, so none is below 0. A quantile of what is no number, or of minus
    infinity, could not be told in JSON.
    """
    try:
        bound = float(le)
    except ValueError:
        return None
    return bound if bound >= 0 else None


def quantile(q: float, buckets: Mapping[float, float]) -> float | None:
    """The q-quantile (0 to 1) of cumulative counts by upper bound.

    None when nothing was counted, or without a `+Inf` bucket and one more. In the highest bucket the
    answer is its lower bound; the first bucket is taken to begin at 0 unless its bound is negative.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or bounds[-1] != math.inf:
        return None
    counts = _rising([buckets[bound] for bound in bounds])
    if counts[-1] <= 0:
        return None
    rank = q * counts[-1]
    index = next(i for i, count in enumerate(counts) if count >= rank)
    if index == len(bounds) - 1:
        return bounds[-2]
    if index == 0:
        low, below = 0.0, 0.0
        if bounds[0] <= 0:
            return bounds[0]
    else:
        low, below = bounds[index - 1], counts[index - 1]
    inside = counts[index] - below
    share = (rank - below) / inside if inside else 0.0
    return low + (bounds[index] - low) * share


def _rising(counts: list[float]) -> list[float]:
    """Cumulative counts never fall; scrapes torn between two updates may say they do."""
    highest = 0.0
    rising = []
    for count in counts:
        highest = max(highest, count)
        rising.append(highest)
    return rising
