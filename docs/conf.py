"""Configuration of the documentation site: `make docs` builds it into docs/_build/html, without a network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent)]
# The examples take one thread each, as tests do, and the pictures need no screen.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import textgen_env  # noqa: E402

project = "textgen-env"
author = "The textgen-env developers"
copyright = "The textgen-env developers"
version = release = textgen_env.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "docstring_markup",
    "external_names",
    "api_pages",
    "environment_pages",
    "agent_pages",
    "reward_pages",
    "measure_pages",
    "leaderboard",
    "papers",  # after those who write pages, which it reads
    "result_tables",
    "kept_runs",
    "result_answers",
    "signature_lines",
    "used_pages",
    "explanation_pictures",
    "client_pictures",
    "client_table",
]
exclude_patterns = ["_build", "extensions", "tutorial_scripts"]
nitpicky = True
nitpick_ignore_regex = [
    # Type variables and aliases of types that signatures are written with, and classes that no user makes.
    (r"py:.*", r"(.*\.)?(IntArray|FloatArray|BoolArray|NDArray|ArrayLike|Array|TypeAliasForwardRef|[A-Z]|Self|Any)"),
    (r"py:class", r"NetworkCell|AttentionName|Schedule|Exploration|Terms|SmoothMethod"),
    (r"py:class", r"Observation|Infos|AllowedTokens"),
    (r"py:class", r"(Tensor|np\.\w+|typing\..*|tuple\[str|collections\.abc\.Mapping\[str|io\.\w+)"),
    (r"py:class", r"DTypeLike|numpy\._typing\..*"),
    (r"py:exc", r"InvalidAction|ResetNeeded"),
    (r"py:obj", r"typing\.Literal.*"),
    (r"py:class", r"textgen_env\.(models|metrics\.kneser_ney|handing)\..*"),
    (r"py:class", r"agents\.(bases|networks|value|policy_gradient)\..*"),
    (r"py:class", r"benchmarks\.measures\.measured\.Measured"),
    (r"py:class", r"textgen_env\.rewards\.combine\.CombinedReward|agents\.(adversarial|decoding\.next_tokens)\..*"),
]
language = "en"
smartquotes_action = "qe"  # no dashes: options of commands stand in prose

myst_enable_extensions = ["amsmath", "attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
autodoc_inherit_docstrings = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
# A return value is described in prose, which napoleon's own section would read as "type: description"; attributes may
# be described several at once.
napoleon_custom_sections = ["Returns", ("Attributes", "params_style")]
autodoc_type_aliases = {
    name: name for name in ("IntArray", "FloatArray", "BoolArray", "NDArray", "ArrayLike", "DTypeLike")
}
python_maximum_signature_line_length = 88

sphinx_gallery_conf = {
    "examples_dirs": "tutorial_scripts",
    "gallery_dirs": "tutorials",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "tutorial_order.TutorialOrder",
    "abort_on_example_error": True,
    "min_reported_time": 0,
    "download_all_examples": False,
    "remove_config_comments": True,
    "plot_gallery": True,
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib",),
}

copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"textgen-env {release}"
html_static_path = ["_static", "pictures"]
html_css_files = ["site.css"]
html_js_files = ["sortable_tables.js", "reachable.js"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#0b5fa5", "color-brand-content": "#0b5fa5"},
    "dark_css_variables": {"color-brand-primary": "#7fb8ee", "color-brand-content": "#7fb8ee"},
}
