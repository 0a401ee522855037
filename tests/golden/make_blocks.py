#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Records what PyTorch computes for torchvision's residual blocks, in the files of a real checkpoint.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 torchvision==0.29.2 safetensors==0.8.0 numpy==2.4.6
    venv/bin/python make_blocks.py

Writes blocks/NAME.safetensors for each case: the block's state dict under the prefix it has in its network, golden.x
(NHWC, fp16) and golden.y (NHWC, fp32); what a state dict does not say stands in the file's metadata.
Convolution weights are fp16, the rest of the state dict is as PyTorch has it. y is computed in fp64, in eval mode, from the values in the file, and rounded once. x and the convolutions'
weights have 8 significant bits, so that both fp16 and bf16 hold them exactly.
"""

import pathlib
from dataclasses import dataclass
from functools import partial

import safetensors.torch
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from reproducible import reproducible


@dataclass
class Case:
    name: str
    prefix: str
    block: str
    n: int
    h: int
    w: int
    c: int
    middle: int
    k: int
    stride: int = 1
    stride_at: str = "conv2"  # the convolution with the stride; of a bottleneck, conv1 is ResNet v1
    groups: int = 1
    eps: float = 1e-5

    @property
    def downsample(self):
        return self.stride != 1 or self.c != self.k


CASES = [
    Case("v1_5_stride_2", "layer2.0.", "bottleneck", 1, 11, 9, 64, 32, 128, stride=2),
    Case("v1_stride_2", "layer3.0.", "bottleneck", 2, 9, 7, 32, 16, 64, stride=2, stride_at="conv1"),
    Case("first_of_stage_2", "layer1.0.", "bottleneck", 2, 5, 9, 64, 64, 128),
    Case("identity", "layer1.1.", "bottleneck", 1, 5, 11, 128, 64, 128),
    Case("identity_narrow", "layer1.2.", "bottleneck", 1, 7, 9, 64, 32, 64),
    Case("identity_grouped", "layer2.1.", "bottleneck", 1, 5, 7, 128, 64, 128, groups=16, eps=1e-3),
    Case("basic_identity", "layer1.0.", "basic", 1, 9, 7, 32, 32, 32, stride_at="conv1"),
    Case("basic_stride_2", "layer2.0.", "basic", 1, 11, 9, 16, 32, 32, stride=2, stride_at="conv1", eps=1e-3),
]


def eight_bits(tensor):
    """Rounded to fp16, then to bf16: exact in both, fp16's subnormal numbers included."""
    return tensor.half().bfloat16().float()


def make_module(case):
    norm = partial(nn.BatchNorm2d, eps=case.eps)
    downsample = None
    if case.downsample:
        downsample = nn.Sequential(nn.Conv2d(case.c, case.k, 1, case.stride, bias=False), norm(case.k))
    if case.block == "basic":
        return BasicBlock(case.c, case.k, case.stride, downsample, norm_layer=norm)
    planes = case.k // Bottleneck.expansion
    base_width = 64 * case.middle // (planes * case.groups)
    block = Bottleneck(case.c, planes, case.stride, downsample, case.groups, base_width, norm_layer=norm)
    assert block.conv2.out_channels == case.middle
    if case.stride_at == "conv1":
        block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    return block


def uniform(low, high, size, random):
    return torch.empty(size).uniform_(low, high, generator=random)


@torch.no_grad()
def look_trained(block, x, random):
    """Weights and BatchNorms as training leaves them: statistics that belong to the data and spread over
    decades, gammas of both signs, some next to nothing."""
    for module in block.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", generator=random)
            channel_size = 10 ** uniform(-2.2, 0.7, (module.out_channels, 1, 1, 1), random)
            module.weight.copy_(eight_bits(module.weight * channel_size))
        if isinstance(module, nn.BatchNorm2d):
            module.weight.copy_(uniform(0.2, 1.5, module.num_features, random))
            module.weight[::9] *= -1
            module.weight[5] = 1e-6
            module.weight[-1] = -3e-4
            module.bias.normal_(0, 0.3, generator=random)
            module.momentum = None  # the running statistics become those of the batch
    block.train()(x)
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean += 0.1 * module.running_var.sqrt() * torch.randn(
                module.num_features, generator=random)
            module.running_var *= uniform(0.7, 1.4, module.num_features, random)


def make_file(case, random):
    x = eight_bits(torch.randn(case.n, case.c, case.h, case.w, generator=random).relu())
    block = make_module(case)
    look_trained(block, x, random)
    state = {case.prefix + name: tensor.half() if tensor.ndim == 4 else tensor.clone()
             for name, tensor in block.state_dict().items()}
    with torch.no_grad():
        y = block.double().eval()(x.double())
    nhwc = lambda tensor: tensor.permute(0, 2, 3, 1).contiguous()
    state["golden.x"] = nhwc(x).half()
    state["golden.y"] = nhwc(y).float()
    metadata = {"block": case.block, "prefix": case.prefix, "stride": str(case.stride),
                "stride_at": case.stride_at, "groups": str(case.groups), "eps": str(case.eps)}
    return reproducible(safetensors.torch.save(state, metadata))


def main():
    folder = pathlib.Path(__file__).parent / "blocks"
    folder.mkdir(exist_ok=True)
    random = torch.Generator().manual_seed(21)
    torch.set_num_threads(1)
    for case in CASES:
        (folder / f"{case.name}.safetensors").write_bytes(make_file(case, random))


if __name__ == "__main__":
    main()
