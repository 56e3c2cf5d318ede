"""What goes onto an edge's command lines is an address and nothing else, and a translation stays in its family."""

import pytest
from pydantic import ValidationError

from tenancy.announcement import Route, Translation


@pytest.mark.parametrize(
    "text", ["fe80::1%;reboot", "fe80::1%eth0", "10.0.0.1 ", "2001:DB8::1", "010.0.0.1", "10.0.0.1/32"]
)
def test_an_address_with_anything_more_is_none(text: str) -> None:
    for make in (
        lambda: Route(address=text),
        lambda: Route(address="2001:db8::1", next_hop=text),
        lambda: Translation(public=text, external="fd00::1"),
        lambda: Translation(public="2001:db8::1", external=text),
    ):
        with pytest.raises(ValidationError):
            make()


def test_an_address_is_not_translated_into_the_other_family() -> None:
    with pytest.raises(ValidationError, match="write addresses of one family"):
        Translation(public="203.0.113.10", external="fd00::1")
