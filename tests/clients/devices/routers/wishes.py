"""The addresses and next hops the tests of the routers speak of."""

from collections.abc import Mapping
from typing import TypeAlias

TAG = 4200
V4, V6 = "198.51.100.7", "2001:db8:100::7"
HOP, HOP6, OTHER_HOP = "192.0.2.7", "2001:db8:ff::7", "192.0.2.8"
Wish: TypeAlias = Mapping[str, str | None]
"""Address -> next hop; None where it is discarded."""
BOTH: Wish = {V4: HOP, V6: HOP6}
