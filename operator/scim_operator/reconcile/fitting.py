"""As much of a document as there is room for. Pure."""

from collections.abc import Callable, Sequence

from scim_operator.api import ObjectKey
from scim_operator.reconcile.document import Delivered

Step = tuple[ObjectKey, Delivered]
"""A tenant's part, in place of the one that an earlier step put there."""


def longest_fitting(steps: Sequence[Step], fits: Callable[[int], bool]) -> dict[ObjectKey, Delivered]:
    """The tenants after as many of `steps` as fit, from the first on; without any, none.

    `fits(n)` tells whether the document of the first n steps fits; it is asked for few of them.
    """
    fitting, beyond = 0, len(steps) + 1
    while beyond - fitting > 1:
        # All of them first: nearly always there is room for everything.
        middle = len(steps) if beyond > len(steps) else (fitting + beyond) // 2
        if fits(middle):
            fitting = middle
        else:
            beyond = middle
    return dict(steps[:fitting])
