"""Changes of manifests are noticed, and nothing else is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scim_operator.local.watch import Watch


@contextlib.asynccontextmanager
async def watching(path: Path) -> AsyncIterator["asyncio.Queue[None]"]:
    """A queue that gets an item per change."""
    queue: asyncio.Queue[None] = asyncio.Queue()
    watch = Watch(path)

    async def follow() -> None:
        async for change in watch.changes():
            queue.put_nowait(change)

    task = asyncio.create_task(follow())
    try:
        yield queue
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def one_change(queue: "asyncio.Queue[None]") -> None:
    async with asyncio.timeout(10):
        await queue.get()


async def test_writing_adding_replacing_and_removing(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a")
    async with watching(tmp_path) as queue:
        file.write_text("changed")
        await one_change(queue)
        (tmp_path / "below").mkdir()
        (tmp_path / "below" / "b.yml").write_text("b")
        await one_change(queue)
        (tmp_path / "draft").write_text("replaced")
        (tmp_path / "draft").replace(file)
        await one_change(queue)
        file.unlink()
        await one_change(queue)


async def test_a_change_before_the_watch_runs_is_not_missed(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    (tmp_path / "a.yaml").write_text("a")
    async with asyncio.timeout(10):
        async for _ in watch.changes():
            break


async def test_other_files_are_of_no_interest(tmp_path: Path) -> None:
    async with watching(tmp_path) as queue:
        (tmp_path / "scim.db").write_text("a")
        (tmp_path / "a.yaml").write_text("a")
        await one_change(queue)
        (tmp_path / "scim.db-wal").write_text("b")
        (tmp_path / "README.md").write_text("b")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await queue.get()


async def test_one_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a")
    async with watching(file) as queue:
        (tmp_path / "other.yaml").write_text("b")
        file.write_text("changed")
        await one_change(queue)
        assert queue.empty()


async def test_a_folder_that_goes_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "a.yaml").write_text("a")
    async with watching(folder) as queue:
        folder.rename(tmp_path / "away")
        await one_change(queue)
        folder.mkdir()
        (folder / "a.yaml").write_text("b")
        await one_change(queue)
        (folder / "a.yaml").write_text("changed")
        await one_change(queue)
