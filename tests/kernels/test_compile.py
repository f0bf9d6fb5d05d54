"""Kernels without a folder to keep them in."""

import pytest
from numba.core.caching import CacheImpl

from pcrl.kernels import compile as compiling


@pytest.fixture
def _nowhere(monkeypatch):
    """No folder can be written: neither that of the code nor one of the user."""
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    compiling._note_no_cache.cache_clear()
    yield
    compiling._note_no_cache.cache_clear()


@pytest.mark.usefixtures("_nowhere")
def test_they_are_compiled_without_a_cache_and_it_is_said_once(caplog):
    @compiling.kernel
    def doubled(value):
        return 2 * value

    @compiling.kernel(signature="int64(int64)")
    def tripled(value):
        return 3 * value

    assert (doubled(4), tripled(4)) == (8, 12)
    (note,) = caplog.messages
    assert "set NUMBA_CACHE_DIR" in note


def test_other_faults_of_the_compiler_are_not_hidden(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("something else")

    monkeypatch.setattr(compiling, "njit", broken)
    with pytest.raises(RuntimeError, match="something else"):
        compiling.kernel(lambda value: value)
