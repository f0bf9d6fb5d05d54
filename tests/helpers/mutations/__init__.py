"""Seeded damage to files: bytes as disks and strangers change them, and JSON that is no longer what it was."""

import copy
import json

VALUES = (
    None, True, -1, 0, 3, 2**40, 10**40, float("inf"), float("nan"), 1e-30, "", "x", "../../x", "/etc/passwd", "[/x]",
    "\x00", "ä" * 300, "x" * 100_000, [], {}, [[]], [None], {"x": 1},
)  # fmt: skip
DEEP = "[" * 3000 + "]" * 3000


def damaged(content, rng, is_json=False):
    """The content, changed somewhere; never the same."""
    changed = _json(content, rng) if is_json and rng.random() < 0.7 else _bytes(content, rng)
    return changed if changed != content else content + b"\xff"


def _bytes(content, rng):
    place = int(rng.integers(0, max(1, len(content))))
    kind = rng.integers(0, 7)
    if kind == 0:
        return content[:place]
    if kind == 1:
        return (
            content[:place] + bytes([content[place] ^ (1 << int(rng.integers(0, 8)))]) + content[place + 1 :]
        )
    if kind == 2:
        return content[:place] + rng.bytes(int(rng.integers(1, 20))) + content[place:]
    if kind == 3:
        return content[:place] + content[place + int(rng.integers(1, 50)) :]
    if kind == 4:
        return content[place:] + content[:place]
    if kind == 5:
        return b""
    return rng.bytes(len(content) % 4096)


def _json(content, rng):
    tree = json.loads(content)
    if rng.random() < 0.05:
        return DEEP.encode()
    places = list(_places(tree))
    if not places or rng.random() < 0.05:
        return json.dumps(VALUES[int(rng.integers(0, len(VALUES)))]).encode()
    holder, key = places[int(rng.integers(0, len(places)))]
    kind = rng.random()
    if kind < 0.15:
        del holder[key]
    elif kind < 0.25 and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    elif kind < 0.3:
        return json.dumps(tree).replace(json.dumps(holder[key]), DEEP, 1).encode()
    else:
        holder[key] = copy.deepcopy(VALUES[int(rng.integers(0, len(VALUES)))])
    return json.dumps(tree).encode()


def _places(tree):
    """Every holder and key in a tree of JSON."""
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield tree, key
        yield from _places(tree[key])
