"""Index of the papers that the code cites: what of each is here, where it is cited, and its figures beside ours."""

from __future__ import annotations

import ast
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from sphinx.application import Sphinx

from kept_tables import mean_and_std
from written_pages import write_pages

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("textgen_env", "agents", "benchmarks")
DOCS = ROOT / "docs"
# What the site is written from: pages that are there, and pages that other extensions have written before.
WRITTEN = ("agents", "environments", "rewards", "measures", "explanations", "guide", "results")
SCRIPTS = "tutorial_scripts"
NUMBERS = ("volume", "number", "pages", "doi")
OWN_FIELDS = ("entry", "here", "command", "figures")
NAME = r"(?:van (?:der )?|de |von )?[A-Z](?:\. )?[\w'’.-]*\w(?: da [A-Z]\w+)?"
TITLE = r"(?:,? \(?\"[^\"]+\"(?:, [^\"().;:]*)?)?"
CITATION = re.compile(rf"({NAME}(?:(?:, and |, | and ){NAME})*)( et al\.)?{TITLE},? \(?((?:19|20)\d\d)\b")
# Words with a capital that stand before a year and are no author.
NO_AUTHORS = {"March", "Schema", "SeqGAN", "EMNLP", "AAAI", "NeurIPS", "ICML", "Association"}


@dataclass(frozen=True)
class Paper:
    """Entry of the index.

    Attributes:
        key: as in BibTeX, "yu2017seqgan".
        fields: entry, author, title, year and the place of publication.
        here: what of it the project has.
        command: that reproduces it; "" for none.
        figures: of the paper, each with the results folder, row and measure of ours.
    """

    key: str
    fields: Mapping[str, object]
    here: str
    command: str = ""
    figures: tuple[Mapping[str, str], ...] = field(default=())

    @property
    def year(self) -> str:
        return str(self.fields["year"])

    @property
    def surnames(self) -> list[str]:
        """The authors' last names; of "and others", none."""
        return [each.split(",")[0] for each in str(self.fields["author"]).split(" and ") if each != "others"]

    @property
    def short(self) -> str:
        """Authors and year as in a sentence: "Yu et al. (2017)"."""
        names = self.surnames
        shown = names[0] + " et al." if len(names) > 2 else " and ".join(names)
        return f"{shown} ({self.year})"

    @property
    def cite(self) -> str:
        """Link to the entry, in the site's Markdown."""
        return f"{{ref}}`{self.short} <paper-{self.key}>`"

    @property
    def bibtex(self) -> str:
        lines = [f"  {name} = {{{value}}}," for name, value in self.fields.items() if name != "entry"]
        return "\n".join([f"@{self.fields['entry']}{{{self.key},", *lines, "}"])

    def is_meant_by(self, names: str, year: str) -> bool:
        """Whether a citation, its names as they are written, is of this paper."""
        cited = [plain(name) for name in re.split(r", and | and |, ", names)]
        own = [plain(name) for name in self.surnames]
        others = "others" in str(self.fields["author"])
        fits = cited[0] == own[0] and (len(cited) == 1 or others or cited == own[: len(cited)])
        return year == self.year and fits


def plain(name: str) -> str:
    """A name without accents, initials and capitals."""
    letters = unicodedata.normalize("NFKD", re.sub(r"\b[A-Z]\. ", "", name))
    return "".join(each for each in letters if not unicodedata.combining(each)).casefold()


@cache
def load() -> dict[str, Paper]:
    """Every paper of `docs/papers.toml`, by its key."""
    entries = tomllib.loads((ROOT / "docs/papers.toml").read_text(encoding="utf-8"))
    return {
        key: Paper(
            key,
            {"entry": entry["entry"], **{name: value for name, value in entry.items() if name not in OWN_FIELDS}},
            entry["here"],
            entry.get("command", ""),
            tuple(entry.get("figures", ())),
        )
        for key, entry in entries.items()
    }


def citations(text: str) -> Iterator[tuple[str, str]]:
    """Names and year of each citation in a text."""
    for found in CITATION.finditer(" ".join(text.split())):
        if not NO_AUTHORS & set(re.findall(r"\w+", found[1])):
            yield found[1], found[3]


@cache
def cited() -> dict[str, list[tuple[str, str]]]:
    """File -> the citations in its docstrings, or in all of a page in Markdown."""
    found = {}
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
        texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]
        found[path.relative_to(ROOT).as_posix()] = [each for text in texts for each in citations(text)]
    for path in [ROOT / "README.md", *sorted(DOCS.glob("results/*.md"))]:
        found[path.relative_to(ROOT).as_posix()] = list(citations(path.read_text(encoding="utf-8")))
    return found


def files_citing(paper: Paper) -> list[str]:
    """The files that cite a paper, in order."""
    return [file for file, each in cited().items() if any(paper.is_meant_by(names, year) for names, year in each)]


@dataclass(frozen=True)
class SitePage:
    """Page of the site that may name papers.

    Attributes:
        title: its heading.
        address: from the folder of the index of papers.
        citations: names and years in it.
        keys: of the entries that it links to.
    """

    title: str
    address: str
    citations: tuple[tuple[str, str], ...]
    keys: frozenset[str]

    def names(self, paper: Paper) -> bool:
        """Whether it links to the entry of a paper, or cites it in words."""
        return paper.key in self.keys or any(paper.is_meant_by(names, year) for names, year in self.citations)


def site_pages(docs: Path = DOCS) -> list[SitePage]:
    """The pages that lie in the folder of the site's source, and the tutorials' scripts."""
    found = []
    for path in sorted(path for folder in WRITTEN for path in (docs / folder).glob("*.md") if path.stem != "index"):
        text = path.read_text(encoding="utf-8")
        heading = re.search(r"^# (.+)$", text, re.MULTILINE)
        found.append(_site_page(heading[1] if heading else path.stem, f"../{path.parent.name}/{path.name}", text))
    for path in sorted((docs / SCRIPTS).glob("*.py")):
        text = path.read_text(encoding="utf-8")
        title = (ast.get_docstring(ast.parse(text)) or path.stem).splitlines()[0]
        found.append(_site_page(title, f"../tutorials/{path.stem}.rst", text))
    return found


def _site_page(title: str, address: str, text: str) -> SitePage:
    keys = frozenset(re.findall(r"paper-(\w+)", text))
    return SitePage(title, address, tuple(citations(text)), keys)


def where_cited(paper: Paper, pages: list[SitePage]) -> str:
    """The pages that name a paper, linked; of one that no page names, the files that cite it."""
    if named := [f"[{each.title}]({each.address})" for each in pages if each.names(paper)]:
        return f"**Cited on** {', '.join(named)}."
    if files := [file for file in files_citing(paper) if file.endswith(".py")]:
        modules = ", ".join(f"`{file.removesuffix('.py').replace('/', '.')}`" for file in files)
        return f"**Cited in the code of** {modules}."
    return ""


def place(paper: Paper) -> str:
    """Where a paper was published: "Machine Learning 8 (3-4), pages 229-256, doi:10.1007/BF00992696"."""
    fields = {name: str(value).replace("\\&", "&").replace("--", "–") for name, value in paper.fields.items()}
    own = [value for name, value in fields.items() if name not in ("entry", "author", "title", "year", *NUMBERS)]
    said = " ".join(f"<{value}>" if value.startswith("http") else value for value in own)
    if "volume" in fields:
        said += f" {fields['volume']}" + (f" ({fields['number']})" if "number" in fields else "")
    if "pages" in fields:
        said += f", pages {fields['pages']}"
    if "doi" in fields:
        said += f", [doi:{fields['doi']}](https://doi.org/{fields['doi']})"
    return said


def section(paper: Paper, pages: list[SitePage]) -> str:
    title = str(paper.fields["title"]).replace("`", "'")
    lines = [
        f"(paper-{paper.key})=",
        f"## {paper.short}",
        "",
        f"*{title}*. {place(paper)}.",
        "",
        f"**Here:** {paper.here}",
        "",
    ]
    if cited_on := where_cited(paper, pages):
        lines += [cited_on, ""]
    if paper.command:
        lines += ["```sh", paper.command, "```", ""]
    if paper.figures:
        lines += ["| figure | the paper's | ours |", "| :-- | --: | --: |"]
        lines += [f"| {each['what']} | {each['theirs']} | {ours(each)} |" for each in paper.figures]
        lines += ["", "Ours are means over seeds ± their standard deviation, from `benchmarks/results`.", ""]
    return "\n".join([*lines, ":::{dropdown} BibTeX", "```bibtex", paper.bibtex, "```", ":::", ""])


def ours(figure: Mapping[str, str]) -> str:
    """Our mean and standard deviation for a figure, as the committed table has them."""
    return mean_and_std(figure["results"], figure["row"], figure["measure"])


def page() -> str:
    papers = sorted(load().values(), key=lambda paper: (plain(paper.short), paper.year))
    head = f"# Papers\n\nThe {len(papers)} papers that the code cites, and what of each is here.\n"
    pages = site_pages()
    return "\n".join([head, *(section(paper, pages) for paper in papers)])


def write(app: Sphinx) -> None:
    write_pages(Path(app.srcdir) / "papers", {"index.md": page()})


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
