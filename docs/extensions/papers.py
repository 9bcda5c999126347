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
PAGES = ("README.md", "benchmarks/results/RESULTS.md")
OWN_FIELDS = ("entry", "here", "command", "figures")
NAME = r"(?:van (?:der )?|de |von )?[A-Z](?:\. )?[\w'’.-]*\w(?: da [A-Z]\w+)?"
TITLE = r"(?:,? \(?\"[^\"]+\"(?:, [^\"().;:]*)?)?"
CITATION = re.compile(rf"({NAME}(?:(?:, and |, | and ){NAME})*)( et al\.)?{TITLE},? \(?((?:19|20)\d\d)\b")
# Words with a capital that stand before a year and are no author.
NO_AUTHORS = {"March", "SeqGAN", "EMNLP", "AAAI", "NeurIPS", "ICML", "Association"}


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
    for page in PAGES:
        found[page] = list(citations((ROOT / page).read_text(encoding="utf-8")))
    return found


def files_citing(paper: Paper) -> list[str]:
    """The files that cite a paper, in order."""
    return [file for file, each in cited().items() if any(paper.is_meant_by(names, year) for names, year in each)]


def section(paper: Paper) -> str:
    place = " ".join(
        str(value) for name, value in paper.fields.items() if name not in ("entry", "author", "title", "year")
    )
    place = place.replace("\\&", "&")
    title = str(paper.fields["title"]).replace("`", "'")
    where = f"<{place}>" if place.startswith("http") else place
    lines = [
        f"(paper-{paper.key})=",
        f"## {paper.short}",
        "",
        f"*{title}*. {where}.",
        "",
        f"**Here:** {paper.here}",
        "",
    ]
    if files := files_citing(paper):
        lines += ["**Cited in** " + ", ".join(f"`{file}`" for file in files) + ".", ""]
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
    return "\n".join([head, *(section(paper) for paper in papers)])


def write(app: Sphinx) -> None:
    write_pages(Path(app.srcdir) / "papers", {"index.md": page()})


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
