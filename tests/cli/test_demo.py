"""`berth demo` does what it tells, and leaves nothing behind."""

import tempfile
from pathlib import Path

from cli.exit_codes import ExitCode
from tests.cli.running import berth


def test_the_demo_shows_everything_and_leaves_nothing(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        done = berth("demo", folder=tmp_path, variables={"TMPDIR": temporary, "TEMPORAL_ADDRESS": "127.0.0.1:1"})
        assert done.returncode == ExitCode.OK, done.stdout + done.stderr
        assert list(Path(temporary).iterdir()) == []
    assert list(tmp_path.iterdir()) == []
    assert done.stderr == ""
    for told in (
        "The Temporal UI, while this runs: http://127.0.0.1:",
        "acme: Subnet acme--dev: done",
        "network.subnet  globex--prod",
        "What its BGP neighbour fabric-1 has heard of:",
        "/32  globex  ",
        "fabric-1 has forgotten every route of globex.",
        "line 5: metadata.name = 'Hooli--West'",
        "initech: could not go on: OvnFip initech--jump: cannot create OvnFip initech--jump",
        "objects of the platform are exactly as before: nothing of initech is left.",
        "Nothing of globex is left, and acme is not touched.",
        "switchport trunk allowed vlan add 2000",
        "nadia@example.com: approve. VLAN 2000 approved by nadia@example.com: the run goes on",
        "leaf-1: vlan 2000 | name berth-umbrella",
        "Every switch's start-up configuration is exactly as before.",
    ):
        assert told in done.stdout
