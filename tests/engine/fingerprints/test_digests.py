"""Digests that do not depend on names and types."""

import hashlib

import numpy as np

from pcrl.engine.fingerprints.digests import digest_of_contents, digest_of_values


def test_types_and_signs_of_zero_do_not_count():
    values = np.random.default_rng(0).integers(-1000, 1000, (4, 5, 6))
    values[0, 0, 0] = 0
    floats = values.astype(np.float64)
    floats[0, 0, 0] = -0.0
    same = [values.astype(np.int16), values.astype(np.int32), floats, np.asfortranarray(floats.astype(">f4"))]
    assert len({digest_of_values(array) for array in same}) == 1


def test_every_value_and_the_shape_count():
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    other = values.copy()
    other[1, 2, 3] += 1
    digests = {
        digest_of_values(array) for array in (values, other, values[::-1], values.reshape(2, 4, 3), values[0])
    }
    assert len(digests) == 5


def test_one_file_has_its_own_digest_and_several_have_one_in_any_order():
    one, two = hashlib.sha256(b"one"), hashlib.sha256(b"two")
    assert digest_of_contents([one.digest()]) == one.hexdigest()
    together = digest_of_contents([one.digest(), two.digest()])
    assert together == digest_of_contents([two.digest(), one.digest()])
    assert together not in (one.hexdigest(), two.hexdigest())
