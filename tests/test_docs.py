"""The documentation says what the code says: generated pages are up to date, and no link leads nowhere."""

import re
from pathlib import Path

import pytest

from activities.metrics import metrics_reference
from clients.devices.reference import reference as switches_reference
from clients.devices.routers.reference import reference as routers_reference
from clients.devices.translators import ruleset, saving
from tenancy.reference import reference
from workers.settings import settings_reference

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_reference_of_the_documents_is_what_the_models_say() -> None:
    assert (ROOT / "docs/reference/documents.md").read_text() == reference(), "run `make docs`"


def test_the_reference_of_the_settings_is_what_the_settings_say() -> None:
    assert (ROOT / "docs/reference/settings.md").read_text() == settings_reference(), "run `make docs`"


def test_the_reference_of_the_metrics_is_what_the_table_says() -> None:
    assert (ROOT / "docs/reference/metrics.md").read_text() == metrics_reference(), "run `make docs`"


def test_the_reference_of_the_switches_is_what_the_dialects_say() -> None:
    assert (ROOT / "docs/reference/switches.md").read_text() == switches_reference(), "run `make docs`"


def test_the_page_of_the_translators_has_every_line_that_makes_the_table_and_every_remedy() -> None:
    page = (ROOT / "docs/reference/translators.md").read_text()
    for line in (*ruleset.CREATE, *(command for command, _ in saving.PREREQUISITES), saving.FILE, saving.DRAFT):
        assert line in page


def test_the_reference_of_the_routers_is_what_the_dialects_say() -> None:
    assert (ROOT / "docs/reference/routers.md").read_text() == routers_reference(), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_of_a_page_leads_nowhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
