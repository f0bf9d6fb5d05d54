"""What a compiler is given of a step, forward and backward, and the convolutions within."""

from dataclasses import dataclass, field

import torch
from torch._dynamo.backends.common import aot_autograd
from torch.fx import GraphModule
from torch.utils._python_dispatch import TorchDispatchMode

FORWARD, BACKWARD = torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default


@dataclass
class Graphs:
    """A backend of `torch.compile` that keeps graphs, of operations with shapes and strides, and runs them."""

    forward: list[GraphModule] = field(default_factory=list)
    backward: list[GraphModule] = field(default_factory=list)

    def compiled(self, function):
        """The function with its graphs kept."""
        torch._dynamo.reset()
        backend = aot_autograd(fw_compiler=keeper(self.forward), bw_compiler=keeper(self.backward))
        return torch.compile(function, backend=backend, dynamic=False, fullgraph=True)

    def convolutions(self):
        """Tensors of each convolution, without values: its name, what it is given, and what it gives."""
        return [
            (node.name, [each.meta["val"] for each in tensors(node)], given_by(node))
            for graph in (*self.forward, *self.backward)
            for node in graph.graph.nodes
            if node.target in (FORWARD, BACKWARD)
        ]


def keeper(graphs):
    def keep(graph, _):
        graphs.append(graph)
        return torch._functorch.aot_autograd.make_boxed_func(graph.forward)

    return keep


def tensors(node):
    """Input and weight; of a backward the gradient, too."""
    return node.args[: 3 if node.target is BACKWARD else 2]


def given_by(node):
    """The output; of a backward the gradients of input, if it is wanted, and weight."""
    if node.target is FORWARD:
        return [node.meta["val"]]
    return [each for each in node.meta["val"][:2] if each is not None]


def count(graphs, operation):
    """How often an operation is in some graphs."""
    return sum(node.target is operation for graph in graphs for node in graph.graph.nodes)


class Convolutions(TorchDispatchMode):
    """Keeps what each convolution that runs within it was given."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in (FORWARD, BACKWARD):
            given = args[: 3 if func is BACKWARD else 2]
            self.found.append((func, [each.detach() for each in given]))
        return func(*args, **(kwargs or {}))
