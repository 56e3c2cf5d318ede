"""Whether what a run announced is announced at this moment: asked of the edge itself, by a worker."""

import asyncio
from datetime import timedelta
from secrets import token_hex

from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError

from cli.runs import NoAnswerError, Run, told
from cli.serving import absence, no_worker_beside_devices
from cli.terminal import say
from tenancy import names
from tenancy.handover import HandOver, announced_in
from workflows.face import LOOK_AT_EDGE, EdgeLook, EdgeSeen

LOOK_SECONDS = 20.0
"""How long the devices may take to say; a session with one takes about a second."""


async def edge_now(client: Client, run: Run, handed_over: HandOver) -> EdgeSeen | None:
    """What each device holds now; None where nothing was announced. Raises NoAnswerError where nobody can tell."""
    announced = announced_in(handed_over)
    if announced is None or not (announced.routers or announced.translators or announced.neighbours):
        return None
    say("asking the edge what is announced now")
    try:
        return await asyncio.wait_for(
            client.execute_workflow(
                LOOK_AT_EDGE,
                EdgeLook(tenant=run.tenant, announcement=announced),
                # Never one that runs already: nobody knows what that was told to look for.
                id=f"{names.look_workflow(run.tenant)}-{token_hex(4)}",
                task_queue=run.task_queue,
                execution_timeout=timedelta(seconds=2 * LOOK_SECONDS),
                result_type=EdgeSeen,
                static_summary=f"What is announced of {run.tenant} now",
            ),
            LOOK_SECONDS,
        )
    except (TimeoutError, RPCError) as error:
        devices = ", ".join(names.device_workflow(one) for one in (*announced.routers, *announced.neighbours))
        why = f"no answer within {LOOK_SECONDS:g} s: see {devices} in the Temporal UI"
        nobody = await no_worker_beside_devices(client, run.task_queue)
        raise NoAnswerError(f"{nobody or await absence(client, run.handle, run.task_queue)}; {why}") from error
    except WorkflowFailureError as error:
        raise NoAnswerError(told(error.cause)) from error
