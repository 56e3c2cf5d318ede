"""Reading the files on the command line: all of them or none, and everything that is wrong at once."""

from pathlib import Path

import pytest

from cli.documents import read_names, read_platform_file, read_tenants
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from tests.cli.running import EXAMPLES, PLATFORM, tenant


def _refused(*files: Path) -> CommandError:
    with pytest.raises(CommandError) as refused:
        read_tenants([str(file) for file in files], read_platform_file(PLATFORM))
    assert refused.value.code is ExitCode.INVALID
    return refused.value


@pytest.mark.parametrize("name", ["acme", "globex", "initech"])
def test_examples_fit_the_example_platform(name: str) -> None:
    (source,) = read_tenants([str(EXAMPLES / f"{name}.yaml")], read_platform_file(PLATFORM))
    assert source.tenant.name == name


def test_mistakes_of_all_files_are_said_together(tmp_path: Path) -> None:
    good, bad, broken = tmp_path / "good.yaml", tmp_path / "bad.yaml", tmp_path / "broken.yaml"
    good.write_text(tenant("good"))
    bad.write_text(tenant("bad", cidr="10.96.0.0/24"))
    broken.write_text("spec: [")
    error = _refused(good, bad, broken)
    assert {finding.file for finding in error.findings} == {str(bad), str(broken)}
    assert str(good) not in error.message


def test_a_tenant_with_two_documents_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "twice.yaml"
    file.write_text(tenant("acme") + "---\n" + tenant("acme"))
    (finding,) = _refused(file).findings
    assert "document in" in finding.mistake.problem


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "holds no document"), (b"# nothing\n", "holds no document"), (b"name: \xff\xfe", "is not UTF-8 at byte 6")],
)
def test_a_file_without_a_document_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "file.yaml"
    file.write_bytes(content)
    (finding,) = _refused(file).findings
    assert finding.mistake.problem == problem


def test_a_folder_in_place_of_a_file_is_a_wrong_command_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Is a directory") as refused:
        read_tenants([str(tmp_path)], None)
    assert refused.value.code is ExitCode.USAGE


def test_what_was_valid_once_can_be_offboarded_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "old.yaml"
    file.write_text("metadata: {name: acme}\nspec: {removedLongAgo: true}\n---\nmetadata: {name: globex}\n")
    assert read_names([str(file)]) == ["acme", "globex"]


def test_a_document_that_names_nobody_cannot_be_offboarded(tmp_path: Path) -> None:
    file = tmp_path / "nobody.yaml"
    file.write_text("metadata:\n  name: Not A Name\n")
    with pytest.raises(CommandError) as refused:
        read_names([str(file)])
    (finding,) = refused.value.findings
    assert str(finding).startswith(f"{file}:2: metadata.name")


def test_the_platform_is_one_document(tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text(PLATFORM.read_text() + "---\n" + PLATFORM.read_text())
    with pytest.raises(CommandError, match="holds 2 documents: a platform has one"):
        read_platform_file(file)
