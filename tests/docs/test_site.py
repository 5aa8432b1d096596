"""The site of the documentation: it builds without a warning, has every page, and each link leads somewhere."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "zensical.toml").read_text(encoding="utf-8")


class _Page(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        """What a browser fetches to show the page."""
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attributes if value}
        if "id" in values:
            self.anchors.add(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(values["href"])
        elif "src" in values:
            self.loaded.append(values["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", directory / "docs")  # Zensical reads only what is beside its configuration
    shutil.copy(ROOT / "zensical.toml", directory)
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    ended = subprocess.run(command, check=False, cwd=directory, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return directory / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    return {path: _Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def test_every_page_is_in_the_navigation_once() -> None:
    listed = list(_leaves(tomllib.loads(CONFIG)["project"]["nav"]))
    there = [str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")]
    assert sorted(listed) == sorted(there)


def test_every_page_is_built(pages: dict[Path, _Page]) -> None:
    assert len(pages) == len(list((ROOT / "docs").rglob("*.md")))


def test_every_link_leads_to_a_page_and_an_anchor(site: Path, pages: dict[Path, _Page]) -> None:
    broken = [
        f"{path.relative_to(site)}: {link}"
        for path, page in pages.items()
        for link in [*page.links, *page.loaded]
        if not re.match(r"(https?|mailto|data):", link) and not _leads_somewhere(link, path, pages)
    ]
    assert broken == []


def test_a_browser_loads_nothing_from_elsewhere(pages: dict[Path, _Page]) -> None:
    """The site works behind a firewall, and tells nobody who reads it."""
    assert {url for page in pages.values() for url in page.loaded if url.startswith(("http", "//"))} == set()


def _leaves(navigation: Any) -> Iterator[str]:
    for entry in navigation:
        for target in entry.values():
            if isinstance(target, str):
                yield target
            else:
                yield from _leaves(target)


def _leads_somewhere(link: str, path: Path, pages: dict[Path, _Page]) -> bool:
    target, anchor = urldefrag(link)
    file = (path.parent / unquote(target)).resolve() if target else path
    if file.is_dir():
        file /= "index.html"
    if not file.is_file():
        return False
    return not anchor or file not in pages or unquote(anchor) in pages[file].anchors
