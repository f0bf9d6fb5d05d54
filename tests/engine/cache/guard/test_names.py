"""Names out of records: whatever would leave the folder, or is no plain name, is refused when the record is read."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcrl.datasets.names import printable, safe_name
from pcrl.engine.cache.commit import COMMIT, Commit
from pcrl.engine.cache.digests import DatasetFiles
from pcrl.engine.cache.format import CacheError, read_record
from pcrl.engine.cache.guard.names import LONGEST, check_key, check_name, check_path

OUTWARD = [
    "", ".", "..", "../x", "../../../victim", "/etc/passwd", "a/../../b", "a//b", "a/", "/", "a/./b", "a\0b", "a\nb",
    "a\x7fb", "\ud800", "a\u202eb", "a" * 4000,
]  # fmt: skip


@pytest.mark.parametrize("name", OUTWARD, ids=lambda name: ascii(name)[:20])
def test_a_path_that_leads_out_or_cannot_be_is_refused(name):
    for check in (check_name, check_path):
        with pytest.raises(ValueError, match=r"cannot name|separator|begins with a dot"):
            check(name)


@pytest.mark.parametrize("name", ["a/b", "a\\b", ".x.partial", ".lock", "a" * (LONGEST + 1)])
def test_a_name_is_of_one_folder_that_is_not_hidden(name):
    with pytest.raises(ValueError, match=r"separator|dot|longer"):
        check_name(name)


@given(st.text(min_size=1))
def test_names_that_ingest_gives_are_all_taken(text):
    name = safe_name(text)
    assert check_name(name) == name
    key = printable(text).strip("/")
    if not {"", ".", ".."} & set(key.split("/")):
        assert check_key(key) == key


@given(st.text())
def test_what_is_taken_stays_below_its_folder(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp()
    try:
        name = check_path(text)
    except ValueError:
        return
    assert (folder / name).is_relative_to(folder)
    assert ".." not in (folder / name).parts
    assert str((folder / name).relative_to(folder)) == name
    assert not any(unicodedata.category(letter) == "Cc" for letter in name)


@pytest.mark.parametrize("kind", [Commit, DatasetFiles])
def test_a_record_with_such_a_name_cannot_be_read(tmp_path, kind):
    path = tmp_path / COMMIT
    path.write_text(json.dumps({"format": 1, "files": {"../x": {"size": 0, "sha256": ""}}}))
    with pytest.raises(CacheError, match=r"commit\.json cannot be used .*'\.\./x' cannot name a file"):
        read_record(kind, path)
