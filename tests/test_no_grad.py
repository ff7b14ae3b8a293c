"""no_grad: in every form, and each thread and asyncio task with a setting of its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor


def recording() -> bool:
    """Whether an operation is recorded right now."""
    y = Tensor(1.0, requires_grad=True) * 2
    assert y.requires_grad == (y.op is not None) == bool(y.inputs)
    return y.requires_grad


def test_a_context_that_ends() -> None:
    with tl.no_grad():
        assert not recording()
    assert recording()


def test_what_is_made_inside_is_a_leaf_and_stays_one() -> None:
    w = Tensor(2.0, requires_grad=True)
    with tl.no_grad():
        c = w * 3
        new = Tensor(1.0, requires_grad=True)
    assert c.is_leaf
    assert new.requires_grad
    (w * c).backward()
    assert w.grad == 6


def test_what_was_recorded_before_can_be_differentiated_inside() -> None:
    w = Tensor(2.0, requires_grad=True)
    y = w * w
    with tl.no_grad():
        y.backward()
    assert w.grad == 4


def test_nested_and_repeated() -> None:
    manager = tl.no_grad()
    with manager:
        with manager, tl.no_grad():
            assert not recording()
        assert not recording()
    assert recording()
    with manager:
        assert not recording()
    assert recording()


def test_an_exception_ends_it() -> None:
    def fail() -> None:
        with tl.no_grad():
            assert not recording()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert recording()


@pytest.mark.parametrize("decorate", [tl.no_grad, tl.no_grad()])
def test_a_decorator_with_and_without_parentheses(decorate: Callable[..., Any]) -> None:
    @decorate
    def f(x: int, *, y: int = 0) -> tuple[int, bool]:
        """What f does."""
        return x + y, recording()

    assert f(1, y=2) == (3, False)
    assert (f.__name__, f.__doc__) == ("f", "What f does.")
    assert recording()


def test_a_decorated_function_may_call_itself_and_raise() -> None:
    @tl.no_grad
    def f(n: int) -> None:
        assert not recording()
        if n == 0:
            raise KeyError
        f(n - 1)

    with pytest.raises(KeyError):
        f(5)
    assert recording()


def test_a_decorated_method() -> None:
    class Net:
        @tl.no_grad
        def predict(self) -> bool:
            return recording()

    assert not Net().predict()


@pytest.mark.parametrize("decorate", [tl.no_grad, tl.no_grad()])
def test_a_decorated_coroutine_is_covered_across_its_awaits(decorate: Callable[..., Any]) -> None:
    @decorate
    async def f() -> bool:
        await asyncio.sleep(0)
        return recording()

    async def main() -> tuple[bool, bool]:
        return await f(), recording()

    assert asyncio.run(main()) == (False, True)


def generator() -> Any:
    yield 1


async def async_generator() -> Any:
    yield 1


@pytest.mark.parametrize("f", [generator, async_generator])
def test_a_generator_is_refused(f: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=f"cannot decorate the generator {f.__name__}.*with no_grad"):
        tl.no_grad(f)


def test_each_thread_has_its_own_setting() -> None:
    inside, done = threading.Event(), threading.Event()
    seen: list[bool] = []

    def other() -> None:
        inside.wait()
        seen.append(recording())
        with tl.no_grad():
            seen.append(recording())
        seen.append(recording())
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with tl.no_grad():
        inside.set()
        done.wait()
        assert not recording()
    thread.join()
    assert seen == [True, False, True]


def test_one_manager_shared_by_many_threads_and_decorating_their_function() -> None:
    """The ends come in any order; a manager that kept its tokens would take another thread's."""
    manager = tl.no_grad()
    barrier = threading.Barrier(4)
    decorated = manager(recording)

    def work(k: int) -> list[bool]:
        seen = []
        for _ in range(5):
            with manager:
                barrier.wait()
                seen.append(recording() or decorated())
                if k % 2:
                    barrier.wait()
            if not k % 2:
                barrier.wait()
            seen.append(recording())
        return seen

    with ThreadPoolExecutor(4) as pool:
        for seen in pool.map(work, range(4)):
            assert seen == [False, True] * 5


def test_each_task_has_its_own_setting_and_may_share_a_manager() -> None:
    manager = tl.no_grad()

    async def task(start: float, length: float) -> tuple[bool, bool, bool]:
        await asyncio.sleep(start)
        before = recording()
        with manager:
            await asyncio.sleep(length)
            inside = recording()
        return before, inside, recording()

    async def main() -> list[tuple[bool, bool, bool]]:
        return list(await asyncio.gather(task(0, 0.02), task(0.005, 0.005), task(0.01, 0.03), task(0, 0)))

    assert asyncio.run(main()) == [(True, False, True)] * 4


def test_a_task_started_inside_inherits_and_cannot_undo() -> None:
    async def child() -> bool:
        with tl.no_grad():
            await asyncio.sleep(0)
        return recording()

    async def main() -> tuple[bool, bool]:
        with tl.no_grad():
            inherited = await asyncio.create_task(child())
        return inherited, recording()

    assert asyncio.run(main()) == (False, True)


def test_a_copied_context_keeps_what_it_was_copied_from() -> None:
    with tl.no_grad():
        context = contextvars.copy_context()
    assert not context.run(recording)
    assert recording()


def test_a_generator_that_yields_inside_a_with_does_not_disturb_a_with_around_it() -> None:
    def steps() -> Any:
        with tl.no_grad():
            yield recording()
            yield recording()

    it = steps()
    assert [next(it), next(it)] == [False, False]
    with pytest.raises(StopIteration):
        next(it)
    assert recording()
