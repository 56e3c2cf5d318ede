"""Hooks of MkDocs: the rest of a folder in the navigation, and files of the repository that pages link to as a part of the site.

The pages are read in the repository as well, so a link to `examples/` goes out of `docs/` there;
on the site it has to stay inside.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
FOLDER = "repository"
"""Where the site keeps those files."""
_LINK = re.compile(r"\]\((?P<up>(?:\.\./)+)(?P<path>[^)#]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replaces `folder/*` in the navigation by the pages of the folder that it does not name."""
    if config.nav is not None:
        config.nav = with_the_rest(config.nav, Path(config.docs_dir))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the files of the repository that pages link to."""
    linked = {
        found["path"]
        for page in files.documentation_pages()
        for found in _LINK.finditer(page.content_string)
        if _leads_out(found, page.src_uri)
    }
    for path in sorted(linked):
        files.append(File.generated(config, f"{FOLDER}/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Leads links to files of the repository to those of the site, which are one folder less deep."""

    def inside(found: re.Match[str]) -> str:
        if not _leads_out(found, page.file.src_uri):
            return found[0]
        return f"]({found['up'].removesuffix('../')}{FOLDER}/{found['path']})"

    return _LINK.sub(inside, markdown)


def _leads_out(found: re.Match[str], page: str) -> bool:
    """Whether a link of a page goes out of docs/ to a file that is there; others are MkDocs' to judge."""
    return found["up"].count("../") == page.count("/") + 1 and (ROOT / found["path"]).is_file()


def with_the_rest(nav: Any, docs: Path) -> Any:
    """A navigation in which each `folder/*` stands for the pages of the folder that are named nowhere in it."""
    named = set(_named(nav))

    def rest(entry: str) -> list[str]:
        folder = docs / entry.removesuffix("/*")
        pages = (path.relative_to(docs).as_posix() for path in sorted(folder.glob("*.md")))
        return [page for page in pages if page not in named]

    def filled(one: Any) -> Any:
        if isinstance(one, dict):
            return {title: filled(below) for title, below in one.items()}
        if isinstance(one, list):
            return [
                new
                for below in one
                for new in (rest(below) if isinstance(below, str) and below.endswith("/*") else [filled(below)])
            ]
        return one

    return filled(nav)


def _named(one: Any) -> list[str]:
    if isinstance(one, dict):
        return [page for below in one.values() for page in _named(below)]
    if isinstance(one, list):
        return [page for below in one for page in _named(below)]
    return [str(one)]
