"""Signatures of several lines are lines, and other lists stay lists."""

from __future__ import annotations

from signature_lines import as_lines

SIGNATURE = """<dt>f(

<dl>
<dd><em>a</em>,</dd>
<dd><em>b</em>,</dd>
</dl>

)</dt>"""
OTHER = "<dl>\n<dt>a</dt>\n<dd>b</dd>\n</dl>"


def test_parameters_become_lines():
    html = as_lines(SIGNATURE)
    assert "<dl>" not in html
    assert "<dd>" not in html
    assert html.count('<span class="sig-line">') == 2
    assert html.count("<span") == html.count("</span>")


def test_a_list_of_definitions_stays():
    assert as_lines(OTHER) == OTHER
    assert as_lines(SIGNATURE + OTHER).endswith(OTHER)
