"""JSON in the two spellings of FRR."""

import json
import re
from typing import Any


def pretty(data: Any) -> str:
    """As zebra and bgpd print most of it: no space after a colon, an empty list on two lines."""
    text = json.dumps(data, indent=2, separators=(",", ":"))
    return re.sub(r"(?m)^( *)(.*)\[\](,?)$", r"\1\2[\n\1]\3", text) + "\n"


def short(data: Any) -> str:
    """On one line."""
    return json.dumps(data, separators=(",", ":"))
