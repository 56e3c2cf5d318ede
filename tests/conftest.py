"""What holds for all tests: in CI none may be left out silently."""

import os
import signal

import pytest

LEAVE_OUT = os.environ.get("BERTH_TESTS_LEAVE_OUT")
"""Unset: tests whose tools are missing are left out, with the reason. `nothing`: that is a failure. `crds`: only those
that need Kube-OVN's own CRDs, which are not part of the project, may be left out."""


def pytest_configure() -> None:
    """A shell's background job, as `make test &`, ignores Ctrl-C, and so would every program that a test sends it to."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]  # pluggy's hookwrapper
    """Turns a skip into a failure where nothing may be left out."""
    _insist((yield).get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):  # type: ignore[no-untyped-def]  # pluggy's hookwrapper
    """The same for a whole file."""
    _insist((yield).get_result())


def _insist(report: pytest.TestReport | pytest.CollectReport) -> None:
    if LEAVE_OUT is None or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if LEAVE_OUT == "crds" and "CRD" in reason:
        return
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid} was left out, and everything it needs can be installed here: {reason}"
