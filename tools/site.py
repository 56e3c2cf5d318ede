"""Hooks of MkDocs: the rest of a folder in the navigation, and the example documents as a part of the site.

The pages are read in the repository as well, so a link to `examples/` goes out of `docs/` there;
on the site it has to stay inside.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
EXAMPLES = "examples"
_OUT = re.compile(r"\]\((?P<up>(?:\.\./)+)examples/")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replaces `folder/*` in the navigation by the pages of the folder that it does not name."""
    if config.nav is not None:
        config.nav = with_the_rest(config.nav, Path(config.docs_dir))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the example documents."""
    for path in sorted((ROOT / EXAMPLES).glob("*.yaml")):
        files.append(File.generated(config, f"{EXAMPLES}/{path.name}", content=path.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Leads links to the example documents to those of the site, which is one folder less deep."""
    return _OUT.sub(lambda found: f"]({found['up'].removesuffix('../')}examples/", markdown)


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
