"""The index of papers has an entry for every citation, and quotes the committed tables."""

from __future__ import annotations

import pytest

from papers import citations, cited, files_citing, load, ours, page, place, site_pages, where_cited


def test_every_citation_has_its_entry():
    papers = load().values()
    lacking = {
        f"{names} ({year}) in {file}"
        for file, found in cited().items()
        for names, year in found
        if not any(paper.is_meant_by(names, year) for paper in papers)
    }
    assert lacking == set(), "add them to docs/papers.toml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as Williams 1992 has it", ("Williams", "1992")),
        ("(Yu et al. 2017, equation 4)", ("Yu", "2017")),
        (
            'van Hasselt, Guez and Silver, "Deep Reinforcement\nLearning" (2016)',
            ("van Hasselt, Guez and Silver", "2016"),
        ),
        ("of Papineni et al. (2002), section 2", ("Papineni", "2002")),
        ('(Che et al., "Maximum-Likelihood", 2017)', ("Che", "2017")),
    ],
)
def test_a_citation_is_found_in_the_forms_that_the_code_has(text, expected):
    assert list(citations(text)) == [expected]


def test_a_month_is_no_author():
    assert list(citations("From version 3.2 (March 2016) until 2017")) == []


def test_a_citation_of_other_authors_is_another_paper():
    paper = load()["schulman2015trust"]
    assert paper.is_meant_by("Schulman, Levine, Moritz, Jordan and Abbeel", "2015")
    assert not paper.is_meant_by("Schulman, Moritz, Levine, Jordan and Abbeel", "2015")
    assert not paper.is_meant_by("Schulman", "2016")


def test_accents_do_not_count():
    assert load()["singh2000convergence"].is_meant_by("Singh, Jaakkola, Littman and Szepesvari", "2000")


def test_every_figure_has_a_row_of_ours():
    assert all("±" in ours(figure) for paper in load().values() for figure in paper.figures)


def test_seqgan_is_cited_where_it_is_written():
    assert "agents/adversarial/seqgan.py" in files_citing(load()["yu2017seqgan"])


def test_the_page_has_every_paper_with_its_bibtex():
    text = page()
    for key, paper in load().items():
        assert f"(paper-{key})=" in text
        assert f"@{paper.fields['entry']}{{{key}," in text


def test_a_paper_is_cited_on_the_pages_that_link_to_it_or_name_it(tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "ppo.md").write_text("# PPO\n\n{ref}`x <paper-schulman2017proximal>`\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "table.md").write_text("# A table\n\nAs in Yu et al. (2017).\n")
    pages, known = site_pages(tmp_path), load()
    assert where_cited(known["schulman2017proximal"], pages) == "**Cited on** [PPO](../agents/ppo.md)."
    assert where_cited(known["yu2017seqgan"], pages) == "**Cited on** [A table](../results/table.md)."
    assert where_cited(known["williams1992simple"], pages).startswith("**Cited in the code of** `agents.")
    assert where_cited(known["yu2017seqgan"], []).startswith("**Cited in the code of**")


def test_no_paper_is_without_a_place():
    assert [key for key, paper in load().items() if not where_cited(paper, site_pages())] == []


def test_the_place_of_a_paper_has_its_numbers():
    said = place(load()["williams1992simple"])
    address = "10.1007/BF00992696"
    assert said == f"Machine Learning 8 (3–4), pages 229–256, [doi:{address}](https://doi.org/{address})"
    assert place(load()["schulman2020approximating"]).startswith("<http")


@pytest.mark.parametrize("key", [key for key, paper in load().items() if "pages" in paper.fields])
def test_pages_run_upwards(key):
    first, last = (int(each) for each in str(load()[key].fields["pages"]).split("--"))
    assert first < last
