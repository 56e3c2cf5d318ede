"""The simulated FRR routers answer as real ones did.

`frr_8_4.txt` is what vtysh of FRR 8.4.4 (Debian 12) said on two routers in network namespaces, with zebra, staticd, bgpd
and watchfrr: `--` begins another session. Only what differs between two runs of the real ones is not compared.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.lab.switches.client import session
from tests.lab.switches.frr_pair import routers

RECORDED = Path(__file__).with_name("frr_8_4.txt").read_text()
PROMPT = re.compile(r"(?m)^((?:edge|fabric)-1)(?:\(config\))?[#>] (.*)$")
OF_ONE_RUN = (
    (r'"(epoch|version|tableVersion|nexthopGroupId|installedNexthopGroupId|interfaceIndex)": ?\d+', r'"\1":0'),
    (r"\d\d:\d\d:\d\d", "00:00:00"),
    (r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d 00:00:00 \d{4}", "DATE"),
    (r"(table version is|entry for \S+, version) \d+", r"\1 0"),
    (r"fe80::[0-9a-f:]+", "fe80::1"),
)


Said = tuple[str, str]
"""A line, and what was printed after it, without the next prompt."""


def sessions(text: str) -> Iterator[tuple[str, list[Said]]]:
    """Each recorded session: whose it was, and what was said in it."""
    for recorded in text.split("--\n"):
        starts = list(PROMPT.finditer(recorded))
        ends = [*(start.start() for start in starts[1:]), len(recorded)]
        lines = [
            (start[2], recorded[start.end() + 1 : end].removesuffix("\n"))
            for start, end in zip(starts, ends, strict=True)
        ]
        yield starts[0][1], lines


def compared(text: str) -> str:
    for pattern, instead in OF_ONE_RUN:
        text = re.sub(pattern, instead, text)
    return text


async def test_every_recorded_line_is_answered_as_frr_answers_it() -> None:
    asked = 0
    async with routers() as pair:
        for name, lines in sessions(RECORDED):
            async with session(pair.edge if name == "edge-1" else pair.fabric, paging=True) as client:
                for line, expected in lines:
                    await pair.peering.settled()
                    answer = (await client.send(line)).removeprefix(f"{line}\n").rpartition("\n")[0]
                    assert compared(answer) == compared(expected), line
                    asked += 1
    assert asked > 100
