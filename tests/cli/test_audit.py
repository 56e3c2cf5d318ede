"""`berth audit` and `berth setup` at the command line."""

import json
from urllib.request import Request, urlopen

from cli.exit_codes import ExitCode
from tests.cli.conftest import Ground


def test_an_audit_tells_each_finding_with_what_to_do_and_exits_for_scripts(ground: Ground) -> None:
    assert ground.berth("onboard", ground.document("audited", cidr="10.60.0.0/24")).returncode == ExitCode.OK
    clean = ground.berth("audit", "audited")
    assert (clean.returncode, clean.stdout) == (ExitCode.OK, "")
    assert "1 tenant and 0 devices looked at: no findings" in clean.stderr

    hand_over = f"{ground.lab.kubernetes_url}/api/v1/namespaces/tenant-audited/configmaps/berth-network"
    with urlopen(Request(hand_over, method="DELETE")) as answer:  # noqa: S310  # the lab's own address
        assert answer.status == 200

    found = ground.berth("audit", "audited")
    assert found.returncode == ExitCode.NEEDS_OPERATOR
    assert "ConfigMap berth-network" in found.stdout
    assert "onboard audited again" in " ".join(found.stdout.split())
    report = json.loads(ground.berth("audit", "--json").stdout)
    assert [(one["kind"], one["tenant"]) for one in report["findings"]] == [("missing", "audited")]
    assert ground.berth("offboard", "audited").returncode == ExitCode.OK


def test_an_audit_of_a_tenant_that_is_not_there_is_no_clean_bill(ground: Ground) -> None:
    missed = ground.berth("audit", "audted")
    assert missed.returncode == ExitCode.NOT_FOUND
    assert "bears the label of 1 of the tenants that were named" in missed.stderr


def test_setup_makes_the_schedule_and_says_what_was_there(ground: Ground) -> None:
    first = json.loads(ground.berth("setup", "--json").stdout)["made"]
    assert [one["outcome"] for one in first] == ["there", "there", "created"]

    second = ground.berth("setup", "--audit-every", "0")

    assert second.returncode == ExitCode.OK
    assert "changed  schedule berth-audit: taken away" in second.stdout
