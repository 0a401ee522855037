# SPDX-License-Identifier: MIT
"""Whether tensors still have the values that were baked into a network."""

import gc
import itertools
import operator
import typing

import torch

from .._errors import InvalidArgument

Norm = torch.nn.modules.batchnorm._NormBase


class Weights:
    """The weights of a network, as they were when it was made.

    torch counts the changes of a tensor: by optimizers, load_state_dict(), copy_(). Not those through .data, nor those of
    a norm's running statistics while it trains, for which the norm's own counter of batches stands.
    """

    def __init__(self, tensors: typing.Iterable[torch.Tensor],
                 statistics: typing.Iterable[torch.Tensor] = ()) -> None:
        """statistics: those of the tensors that are running statistics of norms."""
        self._tensors = list(tensors)
        if any(tensor.is_inference() for tensor in self._tensors):
            raise InvalidArgument("weights were made in torch.inference_mode(): torch does not count their changes; make "
                                  "the module outside of it")
        self._versions, self._addresses = _versions(self._tensors), _addresses(self._tensors)
        wanted = {id(tensor): tensor for tensor in statistics}
        self._norms, counters = [], []
        for norm in _norms() if wanted else ():
            if norm.num_batches_tracked is not None:
                owned = [wanted.pop(id(norm.running_mean), None), wanted.pop(id(norm.running_var), None)]
                if any(tensor is not None for tensor in owned):
                    self._norms.append(norm)
                    counters.append(norm.num_batches_tracked)
        self._counters, self._counts = counters, _versions(counters)
        # Nobody counts for these.
        self._copies = [(tensor, tensor.detach().clone()) for tensor in wanted.values()]

    def changed(self, tensors: typing.Sequence[torch.Tensor]) -> bool:
        """Whether a network of these would be another one."""
        return not (_are_same(tensors, self._tensors)
                    and _versions(tensors) == self._versions and _addresses(tensors) == self._addresses
                    and _are_same([norm._buffers.get("num_batches_tracked") for norm in self._norms], self._counters)
                    and _versions(self._counters) == self._counts
                    and all(torch.equal(tensor, copy) for tensor, copy in self._copies))


class Slots:
    """The tensors of a module, and whether they are still those that it has. parameters() and buffers() would be asked
    at every call, and take a millisecond for a deep network."""

    def __init__(self, module: torch.nn.Module) -> None:
        self._slots = [slots for part in module.modules() for slots in (part._parameters, part._buffers, part._modules)]
        self._things = self._now()
        self.tensors = [*module.parameters(), *module.buffers()]

    def are_same(self) -> bool:
        return _are_same(self._now(), self._things)

    def _now(self) -> typing.List[typing.Any]:
        return list(itertools.chain.from_iterable(map(dict.values, self._slots)))


# Of hundreds of tensors, at every call.
def _versions(tensors: typing.Iterable[torch.Tensor]) -> typing.List[int]:
    return list(map(operator.attrgetter("_version"), tensors))


def _addresses(tensors: typing.Iterable[torch.Tensor]) -> typing.List[int]:
    return list(map(torch.Tensor.data_ptr, tensors))


def _are_same(now: typing.Sequence[typing.Any], then: typing.Sequence[typing.Any]) -> bool:
    return len(now) == len(then) and all(map(operator.is_, now, then))


def _norms() -> typing.Iterator[Norm]:
    """All norms with running statistics that there are: a graph has their tensors, and not who owns them."""
    for thing in gc.get_objects():
        if issubclass(type(thing), Norm) and thing.running_mean is not None:
            yield thing
