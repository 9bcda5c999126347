"""Named data: real texts and tunes that tasks are made of, looked for on this machine, fetched only when asked for.

python -m textgen_env.data list
python -m textgen_env.data fetch poems
"""

from textgen_env.data.catalogue import DATA, DataFile, DataSet, data_files
from textgen_env.data.fetching import FetchFailed, fetch
from textgen_env.data.folders import MissingData, cache_folder, data_path, is_present

__all__ = [
    "DATA",
    "DataFile",
    "DataSet",
    "FetchFailed",
    "MissingData",
    "cache_folder",
    "data_files",
    "data_path",
    "fetch",
    "is_present",
]
