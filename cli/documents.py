"""From the files on the command line to the documents in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cli.errors import CommandError, Finding, counted
from cli.exit_codes import ExitCode
from tenancy.documents import read_platform, read_tenant
from tenancy.fields import Name
from tenancy.mistakes import InvalidDocumentError, Mistake, shown
from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork
from tenancy.yaml_text import LARGEST_TEXT, Text, read_yaml

STDIN = "-"

_NAME: TypeAdapter[str] = TypeAdapter(Name)


@dataclass(frozen=True)
class Source:
    """A tenant's document, and the file it stands in."""

    file: str
    tenant: TenantNetwork


def read_tenants(files: Sequence[str], platform: Platform | None) -> list[Source]:
    """Every tenant of these files, in their order; `-` is stdin, and a file may hold several documents.

    All or nothing: raises CommandError with the mistakes of all files together, so that nothing is started before
    all of them are good.
    """
    sources: list[Source] = []
    refused: list[tuple[str, InvalidDocumentError]] = []
    for file in files:
        try:
            texts = _read(file)
        except InvalidDocumentError as error:
            refused.append((file, error))
            continue
        if not texts:
            refused.append((file, _empty(file)))
        for text in texts:
            try:
                sources.append(Source(file, read_tenant(text.data, platform)))
            except InvalidDocumentError as error:
                refused.append((file, text.placed(error, file)))
    refused.extend(_repeated(sources))
    if refused:
        raise _refusal(refused)
    return sources


def read_names(files: Sequence[str]) -> list[str]:
    """The names of the tenants these files are about; nothing else in them is read.

    What was valid once has to be removable for ever. Raises CommandError with every name that is none.
    """
    found: list[str] = []
    refused: list[tuple[str, InvalidDocumentError]] = []
    for file in files:
        try:
            texts = _read(file)
        except InvalidDocumentError as error:
            refused.append((file, error))
            continue
        if not texts:
            refused.append((file, _empty(file)))
        for text in texts:
            metadata = text.data.get("metadata") if isinstance(text.data, dict) else None
            name = metadata.get("name") if isinstance(metadata, dict) else None
            try:
                found.append(_NAME.validate_python(name, strict=True))
            except ValidationError:
                mistake = Mistake(
                    path="metadata.name",
                    value=shown(name),
                    problem="not a tenant's name",
                    remedy="write the name it was onboarded with",
                    line=text.line_of("metadata.name"),
                )
                refused.append((file, InvalidDocumentError(file, [mistake])))
    if refused:
        raise _refusal(refused)
    return found


def read_platform_file(file: Path) -> Platform:
    """The platform's document. Raises CommandError with every mistake in it."""
    try:
        texts = _read(str(file))
        if len(texts) != 1:
            raise CommandError(ExitCode.INVALID, f"{file} holds {len(texts)} documents: a platform has one")
        try:
            return read_platform(texts[0].data)
        except InvalidDocumentError as error:
            raise texts[0].placed(error, str(file)) from error
    except InvalidDocumentError as error:
        raise _refusal([(str(file), error)]) from error


def _read(file: str) -> list[Text]:
    try:
        # stdin anew: whatever this terminal speaks, documents are UTF-8.
        with open(0 if file == STDIN else file, encoding="utf-8", closefd=file != STDIN) as stream:
            # One character more than allowed, so that an endless stream ends and is refused as too long.
            text = stream.read(LARGEST_TEXT + 1)
    except OSError as error:
        message = f"cannot read {shown(file)}: {error.strerror}; name a readable YAML file"
        raise CommandError(ExitCode.USAGE, message) from error
    except UnicodeDecodeError as error:
        mistake = Mistake(path="(document)", problem=f"is not UTF-8 at byte {error.start}", remedy="save it as UTF-8")
        raise InvalidDocumentError(file, [mistake]) from error
    return read_yaml(text, file)


def _empty(file: str) -> InvalidDocumentError:
    mistake = Mistake(path="(document)", problem="holds no document", remedy="write a TenantNetwork")
    return InvalidDocumentError(file, [mistake])


def _repeated(sources: Sequence[Source]) -> list[tuple[str, InvalidDocumentError]]:
    """The documents of tenants that have one already, among those of one command."""
    first: dict[str, str] = {}
    found = []
    for source in sources:
        name = source.tenant.name
        if name in first:
            mistake = Mistake(
                path="metadata.name",
                value=name,
                problem=f"this tenant has a document in {first[name]} already",
                remedy="keep one document for each tenant",
            )
            found.append((source.file, InvalidDocumentError(f"{source.file}: TenantNetwork {name}", [mistake])))
        first.setdefault(name, source.file)
    return found


def _refusal(refused: Sequence[tuple[str, InvalidDocumentError]]) -> CommandError:
    findings = [Finding(file, mistake) for file, error in refused for mistake in error.mistakes]
    documents = ", ".join(error.what for _, error in refused)
    return CommandError(ExitCode.INVALID, f"{documents}: {counted(findings)}, nothing was started", findings=findings)
