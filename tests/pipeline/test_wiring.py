"""How a process of the road ends."""

import asyncio

import pytest

from pipeline.domain.faults import UndeliveredError
from pipeline.wiring import until_signalled


async def _nested(error: Exception) -> None:
    """Fail as ingest does: a task group of connections inside the task group of the process."""

    async def fail() -> None:
        raise error

    async def connections() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    async with asyncio.TaskGroup() as group:
        group.create_task(connections())


def test_a_fault_comes_out_as_itself_however_many_task_groups_wrapped_it() -> None:
    with pytest.raises(UndeliveredError, match="no room"):
        asyncio.run(until_signalled(_nested(UndeliveredError("no room"))))


def test_what_is_no_fault_comes_out_as_itself_too() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(until_signalled(_nested(ZeroDivisionError())))
