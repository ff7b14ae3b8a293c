"""The film in a real browser: every step by buttons and by keys, its numbers, no network, nothing run from names."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.networks import HOSTILE
from tinygrad_lite import exercise, optim
from tinygrad_lite.graph import ancestors, sweep
from tinygrad_lite.readings.numerals import table

sync_api = pytest.importorskip("playwright.sync_api", reason="the `browser` extra is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")

Open = Callable[..., Any]
Walk = list[Callable[[], Any]]  # a step on, a step back


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a page from disk; at the end of the test, no message and no request may have come of it."""
    troubles: list[str] = []
    contexts: list[Any] = []

    def show(html: str, **options: Any) -> Any:
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: None if request.url == path.as_uri() else troubles.append(request.url))
        page.goto(path.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert troubles == []


def exercise_film() -> tuple[Any, Any]:
    net = exercise.network()
    loss = exercise.cost(net, *exercise.TRAINING[0])
    return tl.draw(loss).film(optimizer=optim.SGD(net.parameters(), lr=0.001)), loss


def title(page: Any) -> str:
    (shown,) = (article for article in page.locator("article").all() if article.is_visible())
    return str(shown.locator("h2").inner_text())


@pytest.mark.thorough
def test_every_step_by_buttons_and_by_keys(show: Open) -> None:
    film, _ = exercise_film()
    page = show(film.html())
    titles = [step.title for step in film.steps]
    walks: list[list[str]] = []
    by_button: Walk = [lambda: page.click("#next"), lambda: page.click("#back")]
    by_key: Walk = [lambda: page.keyboard.press("ArrowRight"), lambda: page.keyboard.press("ArrowLeft")]
    for on, _ in (by_button, by_key):
        page.keyboard.press("Home")
        walk = [title(page)]
        for _ in titles[1:]:
            on()
            walk.append(title(page))
            current = page.locator("#list [aria-current]")
            assert current.count() == 1
            assert current.inner_text() == walk[-1]
        walks.append(walk)
        assert page.locator("#next").is_disabled()
    assert walks == [titles, titles]
    for _, back in (by_button, by_key):
        page.keyboard.press("End")
        walk = [title(page)]
        for _ in titles[1:]:
            back()
            walk.append(title(page))
        assert walk == titles[::-1]
    page.click("#last")
    assert title(page) == titles[-1]
    page.click("#first")
    assert title(page) == titles[0]
    for k, button in enumerate(page.locator("#list button").all()):
        button.click()
        assert title(page) == titles[k]
    page.locator("#slider").fill("3")
    assert title(page) == titles[3]


def test_the_numbers_are_the_engines(show: Open) -> None:
    film, loss = exercise_film()
    page = show(film.html())
    seen: dict[Any, Any] = {}
    sweep({loss: np.float64(1)}, seen=seen)
    nodes = {item.node: f"n{k}" for k, item in enumerate(film.scene.items) if item.node is not None}
    for step in film.steps:
        shown = page.locator("article:not([hidden])")
        if step.kind == "forward":
            out = shown.locator("tr.out pre").inner_text()
            assert out == "\n".join(table(step.items[0].node.value))
        elif "back through" in step.title:
            arrives = shown.locator("tr.arrives pre").inner_text()
            assert arrives == "\n".join(table(seen[step.items[0].node]))
        page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    for node in ancestors([loss]):
        if node.requires_grad and node in nodes:
            texts = page.locator(f"#{nodes[node]} text[fill='#9a3400']").all()
            drawn = " ".join(text.text_content().replace("\N{NO-BREAK SPACE}", " ") for text in texts[1:])
            assert drawn.split() == " ".join(table(seen[node])).split()
            assert all(text.is_visible() for text in texts)


@pytest.mark.thorough
def test_cotangents_appear_when_their_step_comes_and_go_when_one_steps_back(show: Open) -> None:
    film, _ = exercise_film()
    page = show(film.html())
    position = {item.name: f"#n{k}" for k, item in enumerate(film.scene.items)}

    def visible(name: str) -> bool:
        return bool(page.locator(f"{position[name]} text[fill='#9a3400']").first.is_visible())

    def state() -> list[bool]:
        return [visible(name) for name in ("bias", "z1", "h", "z2", "loss")]

    assert state() == [False] * 5
    on = [state()]
    for _ in film.steps[1:]:
        page.keyboard.press("ArrowRight")
        on.append(state())
    assert on[5] == [False, False, False, False, True]
    assert on[9] == [True] * 5
    for k in range(len(film.steps) - 2, -1, -1):
        page.keyboard.press("ArrowLeft")
        assert state() == on[k]


@pytest.mark.thorough
def test_play_pause_and_speed(show: Open) -> None:
    film, _ = exercise_film()
    page = show(film.html())
    page.select_option("#speed", "800")
    page.click("#play")
    assert page.inner_text("#play") == "Pause"
    while page.locator("#slider").input_value() < "2":
        page.wait_for_timeout(50)
    page.click("#play")
    stopped = title(page)
    page.wait_for_timeout(1000)
    assert title(page) == stopped
    page.locator("#picture").focus()
    page.keyboard.press("Space")
    assert page.get_attribute("#play", "aria-label") == "pause"
    page.keyboard.press("End")
    assert page.inner_text("#play") == "Play"


def test_a_click_on_a_node_goes_to_its_steps(show: Open) -> None:
    film, _ = exercise_film()
    page = show(film.html(), viewport={"width": 1400, "height": 900})
    h = next(f"#n{k}" for k, item in enumerate(film.scene.items) if item.name == "h")
    page.locator(h).click()
    assert title(page) == "h = relu(z1)"
    page.locator(h).click()
    assert title(page) == "back through h = relu(z1)"
    page.locator(h).focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    assert title(page) == "h = relu(z1)"


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1280, 800), (3840, 2160)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.thorough
def test_it_fits_and_has_contrast(show: Open, width: int, height: int, scheme: str) -> None:
    film, _ = exercise_film()
    page = show(film.html(), viewport={"width": width, "height": height}, color_scheme=scheme)
    for _ in film.steps[1:]:
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    inks = page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.documentElement))")
    assert contrast(*inks) > 12
    pairs = page.evaluate("""[...document.querySelectorAll('.node')].flatMap(node => {
        const boxes = [...node.querySelectorAll('path, polygon')].map(part => getComputedStyle(part).fill);
        const box = boxes.find(fill => fill !== 'none' && fill !== 'transparent');
        return [...node.querySelectorAll('text')].map(text => [getComputedStyle(text).fill, box])})""")
    assert min(contrast(*pair) for pair in pairs) > 4.5


def contrast(a: str, b: str) -> float:
    """The contrast of two colours `rgb(r, g, b)`, from 1 to 21. Source: WCAG 2.1."""

    def luminance(color: str) -> float:
        parts = [int(n) / 255 for n in re.findall(r"\d+", color)[:3]]
        r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.thorough
def test_no_name_is_run(show: Open) -> None:
    total = sum((np.sum(tl.tensor([1.0, 2.0], requires_grad=True, name=name) ** 2) for name in HOSTILE), start=0.0)
    film = tl.draw({HOSTILE[0]: total}).film(title=HOSTILE[1])
    page = show(film.html())
    for _ in film.steps:
        page.keyboard.press("ArrowRight")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1
    assert HOSTILE[0] in page.locator("#list").inner_text()
    assert page.title() == HOSTILE[1]


@pytest.mark.thorough
def test_reduced_motion_stops_what_moves(show: Open) -> None:
    film, _ = exercise_film()
    for setting, animated in ("no-preference", True), ("reduce", False):
        page = show(film.html(), reduced_motion=setting)
        for _ in range(7):
            page.keyboard.press("ArrowRight")
        name = page.evaluate("getComputedStyle(document.querySelector('.edge.now.backward path')).animationName")
        assert (name != "none") is animated


def test_every_control_has_a_name(show: Open) -> None:
    film, _ = exercise_film()
    page = show(film.html())
    unnamed = page.evaluate("""[...document.querySelectorAll('button, input, select, section, nav, [role=button]')]
        .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label'))).length""")
    assert unnamed == 0
    assert page.get_attribute("#text", "aria-live") == "polite"


@pytest.mark.thorough
def test_it_prints_a_page_for_each_step(show: Open) -> None:
    film, _ = exercise_film()
    page = show(film.html())
    pdf = page.pdf()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= len(film.steps)


@pytest.mark.thorough
def test_it_plays_inside_a_notebooks_frame(show: Open) -> None:
    film, _ = exercise_film()
    page = show(f"<!DOCTYPE html><link rel=icon href='data:,'><body>{film._repr_html_()}")
    frame = page.frame_locator("iframe")
    frame.locator("#next").click()
    assert frame.locator("#count").inner_text() == f"2 / {len(film.steps)}"


@pytest.mark.thorough
def test_500_nodes_are_quick_to_step_through(show: Open) -> None:
    h: Any = tl.tensor([1.0, 2.0], requires_grad=True)
    w = h
    for _ in range(250):
        h = np.tanh(h) * 1.01
    page = show(tl.draw(np.sum(h * w)).to_html())
    taken = page.evaluate("""() => { const t = performance.now();
        for (let i = 0; i < 40; i++) document.getElementById('next').click();
        document.getElementById('last').click(); document.getElementById('first').click();
        return performance.now() - t }""")
    assert taken < 4000
