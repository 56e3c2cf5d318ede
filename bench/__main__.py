"""`python -m bench`: measures, and writes docs/benchmarks.md with the machine described."""

import asyncio
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from bench.burst import Measured, measure

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def main() -> None:
    """Measures with so many tenants as the first argument says, 100 where there is none."""
    tenants = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    page = _page(tenants, asyncio.run(measure(tenants)))
    PAGE.write_text(page)
    print(page)


def _page(tenants: int, measured: list[Measured]) -> str:
    ours, whole, obvious = measured
    rows = [f"| {one.way} | {one.seconds:.1f} | {one.sessions} | {one.lines} | {one.saves} |" for one in measured]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "<!-- Written by `make bench`: run it on your machine, do not edit. -->",
            "",
            f"Measured on {_machine()}. Ratios of one run say more than its seconds.",
            "",
            f"## {tenants} tenants approved at once on two switches that need 2 s to save",
            "",
            "| way | seconds | sessions | configuration lines | saves |",
            "|---|---|---|---|---|",
            *rows,
            f"| ratio of the first to the last | {ours.seconds / obvious.seconds:.3f} | {ours.sessions / obvious.sessions:.3f} |"
            f" {ours.lines / obvious.lines:.3f} | {ours.saves / max(obvious.saves, 1):.3f} |",
            "",
            "Seconds are from the moment of the approvals. Berth's sessions and lines are all there were, those for the previews",
            "included; the other way does the switches' part alone, and looks at nothing before. Up to the last hand-over, with",
            f"all of the platform's part (VPC, subnet, namespace, read back), it is {whole.seconds / obvious.seconds:.3f}.",
            "",
        ]
    )


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in ("netmiko", "temporalio"))
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}, {packages}"
    )


if __name__ == "__main__":
    main()
