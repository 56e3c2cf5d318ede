"""The commands of the network team and of the edge team: `approvals`, `approve` and `reject`."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.approval_view import difference_view, pending_view, plain_pending, preview_view
from cli.approvals import Pending, asked, pending
from cli.errors import CommandError
from cli.exit_codes import ExitCode
from cli.options import As, Json, Tenant
from cli.runs import tell
from cli.session import Session, session
from cli.signing import read_signature, sign
from cli.terminal import clean, say, show, show_exactly, show_json, stderr, stdout
from tenancy.approval import AnyPreview, Decision, Word, difference, statement, subject
from tenancy.edge_work import EdgePreview
from tenancy.mistakes import shown
from tenancy.vlans import HIGHEST_VLAN
from workflows.face import APPROVE, REJECT, ApprovalStatus

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; needs --plan.")]
Plan = Annotated[str | None, typer.Option(metavar="HASH", help="The plan you looked at; any other is refused.")]
Key = Annotated[Path | None, typer.Option(help="Sign with this SSH key (or, by the agent, with that of this .pub).")]
Signature = Annotated[
    Path | None, typer.Option(help="A signature of the statement, made by `ssh-keygen -Y sign -n berth-approval`.")
]
Statement = Annotated[bool, typer.Option("--statement", help="Only print the exact text to sign, and decide nothing.")]


@dataclass(frozen=True)
class _Wish:
    """What the command line said."""

    word: Word
    by: str
    comment: str | None
    vlan: int | None
    plan: str | None
    yes: bool
    key: Path | None
    signature: Path | None


def approvals(context: typer.Context, json: Json = False) -> int:
    """List what waits for an approver, and since when."""
    found = asyncio.run(_pending(session(context)))
    if json:
        show_json({"approvals": [plain_pending(one) for one in found]})
    elif found:
        show(pending_view(found, datetime.now(UTC), stdout().width))
    else:
        say("nothing waits for approval")
    return ExitCode.OK


def approve(
    context: typer.Context,
    tenant: Tenant,
    by: As,
    comment: Annotated[str | None, typer.Option(help="Kept with the approval for ever.")] = None,
    vlan: Annotated[
        int | None, typer.Option(min=1, max=HIGHEST_VLAN, help="Configured by hand: the ID that was used.")
    ] = None,
    plan: Plan = None,
    yes: Yes = False,
    key: Key = None,
    signature: Signature = None,
    statement: Statement = False,
    json: Json = False,
) -> int:
    """Show exactly what would be configured, and approve it; or what the edge team has to do, and confirm that it is done.

    Without a terminal to ask on, say --yes and with --plan the hash of what you looked at.
    """
    wish = _Wish(APPROVE, by, comment, vlan, plan, yes, key, signature)
    return _decide(context, tenant, wish, only_statement=statement, json=json)


def reject(
    context: typer.Context,
    tenant: Tenant,
    reason: Annotated[str, typer.Option(help="Told to whoever asked, and kept in the run's history.")],
    by: As,
    plan: Plan = None,
    yes: Yes = False,
    key: Key = None,
    signature: Signature = None,
    statement: Statement = False,
    json: Json = False,
) -> int:
    """Refuse what a tenant's run wants to have configured: the run undoes what it did."""
    wish = _Wish(REJECT, by, reason, None, plan, yes, key, signature)
    return _decide(context, tenant, wish, only_statement=statement, json=json)


def _decide(context: typer.Context, tenant: str, wish: _Wish, *, only_statement: bool, json: bool) -> ExitCode:
    if wish.key is not None and wish.signature is not None:
        raise CommandError(ExitCode.USAGE, "--key and --signature exclude each other: say one of them")
    return asyncio.run(_decided(session(context), tenant, wish, only_statement=only_statement, json=json))


async def _pending(here: Session) -> list[Pending]:
    async with here.temporal() as client:
        return await pending(client)


async def _decided(here: Session, tenant: str, wish: _Wish, *, only_statement: bool, json: bool) -> ExitCode:
    async with here.temporal() as client:
        run, status, preview = await asked(client, tenant)
        _check_plan(tenant, wish, status, preview, json=json)
        decision = Decision(plan=preview.hash, by=wish.by, comment=wish.comment, vlan=wish.vlan)
        text = statement(wish.word, preview, decision)
        if only_statement:
            # The very bytes, for a signature is made over each of them.
            show_exactly(text)
            return ExitCode.OK
        if status.signed and wish.key is None and wish.signature is None:
            raise CommandError(
                ExitCode.USAGE, f"tenant {tenant}: decisions are signed here: say --key FILE, or --signature FILE"
            )
        # Shown where it was not shown before, and always where somebody is asked.
        if not (wish.yes and json):
            show(preview_view(status, preview), on=stderr() if json else None)
        _ask(tenant, wish, preview, decision)
        signature = sign(text, wish.key) if wish.key else read_signature(wish.signature) if wish.signature else None
        follows = await tell(client, run, wish.word, decision.model_copy(update={"signature": signature}))
    if json:
        told: dict[str, object] = {
            "tenant": tenant,
            "decision": wish.word,
            "plan": preview.hash,
            "by": wish.by,
            "answer": follows,
        }
        if isinstance(preview, EdgePreview):
            told["document"] = preview.document.model_dump(mode="json")
        show_json(told)
    else:
        show(clean(f"{tenant}: {follows}; see what comes of it with `berth status {tenant} --wait`"))
    return ExitCode.OK


def _check_plan(tenant: str, wish: _Wish, status: ApprovalStatus, preview: AnyPreview, *, json: bool) -> None:
    """Refuses a decision about another plan than the one that waits, and shows what has changed since."""
    if wish.plan is None or wish.plan == preview.hash:
        return
    before = next((one for one in status.earlier if one.hash == wish.plan), None)
    if before is None:
        message = f"tenant {tenant}: plan {shown(wish.plan)} was never shown in this run: what waits is {preview.hash}"
        raise CommandError(ExitCode.REFUSED, message)
    if type(before) is not type(preview):
        message = f"tenant {tenant}: that plan was about {subject(before)}: look at what waits now, {preview.hash}"
        raise CommandError(ExitCode.REFUSED, message)
    changed = difference(before, preview)
    if not json:
        show(difference_view(changed), on=stderr())
    raise CommandError(
        ExitCode.REFUSED,
        f"tenant {tenant}: the plan has changed since it was shown: look at what waits now, {preview.hash}"
        f" ({'; '.join(changed[:10])}{' and more' if len(changed) > 10 else ''})",
    )


def _ask(tenant: str, wish: _Wish, preview: AnyPreview, decision: Decision) -> None:
    if wish.yes:
        if wish.plan is None:
            message = f"--yes needs to know what you looked at: say --plan {preview.hash} if it is this"
            raise CommandError(ExitCode.USAGE, message)
        return
    if not sys.stdin.isatty():
        raise CommandError(
            ExitCode.USAGE,
            f"tenant {tenant}: there is no terminal to ask on: look at the plan, then say --yes --plan {preview.hash}",
        )
    if not typer.confirm(
        f"{wish.word} {subject(preview, decision)} for {tenant} as {wish.by}?", default=False, err=True
    ):
        raise CommandError(ExitCode.REFUSED, f"tenant {tenant}: nothing was decided")
