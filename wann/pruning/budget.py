"""What a pruned network costs, and how much a layer may keep so that the rest can still meet a budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import BadInput

__all__ = ["Budget", "Cost", "shares_of"]

_ROUNDING: Final = 1e-9  # 0.98 x 50 is 49, whatever float64 says


@dataclass(frozen=True)
class Cost:
    """The weights or multiply-adds that are left of a network.

    Attributes:
        prices: of each layer, for every weight that is kept; with ``ends``, for every pair of a unit that the
            layer reads and one that it has.
        ends: where whole units are kept, the numbers that the first layer reads and the last one returns.
    """

    prices: tuple[int, ...]
    ends: tuple[int, int] | None = None

    def of(self, kept: Sequence[int]) -> int:
        """The cost of a network of which so much is kept, from each layer that can be pruned."""
        if self.ends is None:
            return sum(price * count for price, count in zip(self.prices, kept, strict=True))
        first, last = self.ends
        units = (first, *kept, last)
        pairs = zip(self.prices, units[:-1], units[1:], strict=True)
        return sum(price * read * had for price, read, had in pairs)


@dataclass(frozen=True)
class Budget:
    """How much may be left of a network, and what each layer may keep.

    Attributes:
        cost: of what is kept.
        totals: weights or units of each layer that can be pruned.
        least: the fewest that each of them keeps.
        limit: the most that all may cost together.

    Raises:
        BadInput: not even the least meets the limit.
    """

    cost: Cost
    totals: tuple[int, ...]
    least: tuple[int, ...]
    limit: int

    @classmethod
    def of(cls, cost: Cost, totals: Sequence[int], sparsity: float, highest: float) -> Budget:
        """The budget that removes at least a share of the cost.

        Args:
            cost: of what is kept.
            totals: weights or units of each layer that can be pruned.
            sparsity: the share of the cost that must be removed.
            highest: the highest sparsity of a layer.

        Raises:
            BadInput: not even that sparsity in every layer removes the share.
        """
        least = tuple(max(1, total - shares_of(total, highest)) for total in totals)
        whole, fewest = cost.of(totals), cost.of(least)
        limit = math.floor((1 - sparsity) * whole + _ROUNDING)
        if fewest > limit:
            raise BadInput(
                f"sparsity: {sparsity:g} cannot be met: a sparsity of {highest:g} in every layer removes "
                f"{1 - fewest / whole:.4g}"
            )
        return cls(cost, tuple(totals), least, limit)

    def most(self, chosen: Sequence[int]) -> int:
        """What the next layer may keep at most, if all later ones keep their least (AMC, algorithm 1).

        Args:
            chosen: what the layers before it keep.
        """
        later = self.least[len(chosen) + 1 :]
        without, with_one = (self.cost.of((*chosen, count, *later)) for count in (0, 1))
        total = self.totals[len(chosen)]
        return min(total, (self.limit - without) // (with_one - without))

    def kept(self, chosen: Sequence[int], sparsity: float) -> int:
        """What the next layer keeps at a sparsity, within its bounds.

        Args:
            chosen: what the layers before it keep.
            sparsity: of the next layer, from 0 to 1.
        """
        total = self.totals[len(chosen)]
        wanted = total - round(sparsity * total)
        return max(self.least[len(chosen)], min(wanted, self.most(chosen)))


def shares_of(total: int, share: float) -> int:
    """The whole number of things that are at most a share of them."""
    return math.floor(share * total + _ROUNDING)
