"""The documentation says what the code says: generated pages are up to date, and no link or anchor leads nowhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

from activities.metrics import metrics_reference
from cli.exit_codes import ExitCode
from cli.reference import cli_reference, errors_reference
from clients.devices.reference import reference as switches_reference
from clients.devices.routers.reference import reference as routers_reference
from clients.devices.translators import ruleset, saving
from tenancy.reference import reference
from workers.doctor.findings import doctor_reference
from workers.settings import settings_reference

ROOT = Path(__file__).parents[1]


def test_the_reference_of_the_documents_is_what_the_models_say() -> None:
    assert (ROOT / "docs/reference/documents.md").read_text() == reference(), "run `make docs`"


def test_the_reference_of_the_settings_is_what_the_settings_say() -> None:
    assert (ROOT / "docs/reference/settings.md").read_text() == settings_reference(), "run `make docs`"


def test_the_reference_of_the_metrics_is_what_the_table_says() -> None:
    assert (ROOT / "docs/reference/metrics.md").read_text() == metrics_reference(), "run `make docs`"


def test_the_reference_of_the_switches_is_what_the_dialects_say() -> None:
    assert (ROOT / "docs/reference/switches.md").read_text() == switches_reference(), "run `make docs`"


def test_the_reference_of_the_command_line_is_what_the_commands_say() -> None:
    assert (ROOT / "docs/reference/cli.md").read_text() == cli_reference(), "run `make docs`"


def test_the_reference_of_the_errors_is_what_the_catalogue_says() -> None:
    assert (ROOT / "docs/reference/errors.md").read_text() == errors_reference(), "run `make docs`"


def test_the_page_of_the_translators_has_every_line_that_makes_the_table_and_every_remedy() -> None:
    page = (ROOT / "docs/reference/translators.md").read_text()
    for line in (*ruleset.CREATE, *(command for command, _ in saving.PREREQUISITES), saving.FILE, saving.DRAFT):
        assert line in page


def test_the_reference_of_the_routers_is_what_the_dialects_say() -> None:
    assert (ROOT / "docs/reference/routers.md").read_text() == routers_reference(), "run `make docs`"


def test_every_test_that_a_page_names_is_there() -> None:
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    named = {
        (page.name, name)
        for page in (ROOT / "docs").rglob("*.md")
        for name in re.findall(r"`(test_\w+)`", page.read_text())
    }
    assert len(named) > 40
    assert {(page, name) for page, name in named if name not in tests} == set()


def test_no_link_of_the_front_door_leads_nowhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / "README.md").read_text()):
        if not target.startswith("https://"):
            assert (ROOT / target).exists(), f"README.md links to {target}"


def test_the_site_is_built_and_nothing_of_it_is_fetched_from_elsewhere(tmp_path: Path) -> None:
    built = mkdocs("--config-file", ROOT / "mkdocs.yml", "--site-dir", tmp_path)
    assert built.returncode == 0, built.stderr
    out_of_the_house = r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//'
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        assert not re.search(out_of_the_house, page.read_text()), (
            f"{page.name} has the reader's browser fetch something"
        )


def test_no_command_of_a_page_is_swallowed_by_the_line_above_it() -> None:
    """A block that is indented is a block only after an empty line; else Markdown makes prose of it, and says nothing."""
    swallowed = []
    for page in sorted((ROOT / "docs").rglob("*.md")):
        fenced, before = False, ""
        for number, line in enumerate(page.read_text().splitlines(), start=1):
            fenced ^= line.lstrip().startswith("```")
            in_a_list = (
                before.lstrip().startswith(("- ", "* ")) or before.lstrip()[:1].isdigit() or before.startswith(" ")
            )
            if (
                not fenced
                and line.startswith("    ")
                and before.strip()
                and not in_a_list
                and not before.startswith("!!!")
            ):
                swallowed.append(f"{page.relative_to(ROOT)}:{number}")
            before = line
    assert swallowed == []


def test_a_link_and_an_anchor_that_lead_nowhere_fail_the_build(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.md").write_text("# One\n\n[a](#no-such-heading) [b](no-such-page.md)\n")
    ours = f"INHERIT: {ROOT / 'mkdocs.yml'}\ndocs_dir: pages\nnav: [index.md]\nhooks: []\n"
    (tmp_path / "mkdocs.yml").write_text(ours)
    built = mkdocs("--config-file", tmp_path / "mkdocs.yml")
    assert built.returncode == 1
    for nowhere in ("#no-such-heading", "no-such-page.md"):
        assert nowhere in built.stderr


def mkdocs(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", *map(str, arguments)],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_page_on_the_doctor_tells_all_that_it_looks_at_and_each_exit_code_it_has() -> None:
    page = (ROOT / "docs/how-to/doctor.md").read_text()
    assert doctor_reference() in page, "put in what workers.doctor.findings.doctor_reference() returns"
    codes = {int(code) for code in re.findall(r"^\| ([0-9]+) \|", page, re.MULTILINE)}
    assert codes == {ExitCode.OK, ExitCode.USAGE, ExitCode.REFUSED, ExitCode.UNREACHABLE}
