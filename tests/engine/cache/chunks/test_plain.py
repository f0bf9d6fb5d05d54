"""Plain arrays are what `np.load` makes of them, in any number of threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pcrl.engine.cache.chunks.plain import read_plain

SHAPES = arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)


@given(st.sampled_from([np.uint8, np.float32]).flatmap(lambda kind: arrays.arrays(kind, SHAPES)))
def test_as_numpy_reads_it(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("plain") / "values.npy"
    np.save(path, values)
    found = read_plain(path)
    assert (found.dtype, found.shape) == (values.dtype, values.shape)
    assert found.tobytes() == np.load(path).tobytes()


def test_what_is_no_such_array_is_refused(tmp_path):
    path = tmp_path / "values.npy"
    np.save(path, np.zeros((2, 3), np.float32))
    content = path.read_bytes()
    damages = [
        content[:-1],
        content + b"x",
        b"",
        content[:40],
        content.replace(b"<f4", b"|O8"),
        b"X" + content[1:],
    ]
    for damage in [*damages, content.replace(b"(2, 3)", b"(9, 9)"), content.replace(b"False", b"True ")]:
        path.write_bytes(damage)
        with pytest.raises(ValueError, match=r"no header|bytes behind"):
            read_plain(path)


def test_many_threads_at_once(tmp_path):
    values = np.arange(64, dtype=np.float32).reshape(1, 2, 4, 8)
    np.save(tmp_path / "values.npy", values)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read_plain, [tmp_path / "values.npy"] * 2000))
    assert all(np.array_equal(one, values) for one in found)
