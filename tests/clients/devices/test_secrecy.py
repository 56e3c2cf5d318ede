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
    ]
    for fault in faults:
        if fault is not None:
            ios.simulated.faults.add(times=None if "host" in fault["effect"] else 1, **fault)
        for login in (login_of(), login_of(password=WRONG), login_of(enable=WRONG)):
            ios.login = login
            try:
                written.append(repr(await ios.work(ios.approved(lines))))
            except (RefusedError, UnavailableError) as error:
                written += [repr(error), *traceback.format_exception(error)]
        ios.simulated.faults.clear()
    names = [record.name.split(".")[0] for record in caplog.records]
    assert "netmiko" not in names
    told = "\n".join([*written, caplog.text, *ios.progress])
    assert "login berth was refused" in told
    # The switch itself repeated the enable secret in its words, which are told as they are.
    for secret in (PASSWORD, WRONG):
        assert secret not in told
    assert ENABLE not in caplog.text
    assert all(ENABLE not in text for text in written if "% Invalid" not in text)
