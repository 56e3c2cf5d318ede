"""No secret in a log, an error or an outcome, whatever happens."""

import logging
import traceback
from typing import Any

import pytest

from clients.errors import RefusedError, UnavailableError
from tests.clients.devices.scene import ENABLE, PASSWORD, Scene, login_of

WRONG = "wrong-password-e7e7"


async def test_no_secret_is_written_anywhere(ios: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    lines, written = await ios.lines(), list[str]()
    faults: list[dict[str, Any] | None] = [
        None,
        {"effect": "error", "line": "^name", "message": f"% Invalid {ENABLE}"},
        {"effect": "drop", "line": "^vlan"},
        {"effect": "deny-login"},
        {"effect": "deny-enable"},
        {"effect": "change-host-key"},
        {"effect": "no-session"},
        {"effect": "deny-save"},
        {"effect": "deny-save", "message": f"% Error {PASSWORD}"},
        {"effect": "error", "line": "^configure", "message": f"% Invalid {PASSWORD}"},
    ]
    for fault in faults:
        # As if it had never been made, or no line would be sent again.
        if 100 in ios.running.vlans:
            await ios.simulated.change("no vlan 100")
        identity = ""
        if fault is not None:
            identity = ios.simulated.faults.add(times=None if "host" in fault["effect"] else 1, **fault)
        for login in (login_of(), login_of(password=WRONG), login_of(enable=WRONG)):
            ios.login = login
            try:
                written.append(repr(await ios.work(ios.approved(lines))))
            except (RefusedError, UnavailableError) as error:
                written += [repr(error), *traceback.format_exception(error)]
        assert fault is None or "host" in fault["effect"] or ios.simulated.faults.struck(identity) == 1, fault
        ios.simulated.faults.clear()
    names = [record.name.split(".")[0] for record in caplog.records]
    assert "netmiko" not in names
    told = "\n".join([*written, caplog.text, *ios.progress])
    assert "login berth was refused" in told
    # The switch itself repeated what it was told.
    assert "% Invalid ********" in told
    for secret in (PASSWORD, WRONG, ENABLE):
        assert secret not in told
