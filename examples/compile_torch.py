#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A PyTorch module in foldconv, in two ways; needs foldconv[torch]."""

import foldconv  # before torch, where FOLDCONV_EMULATE=1 is to count
import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + x)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.blocks = nn.Sequential(Residual(32), Residual(32))
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def main():
    torch.manual_seed(1)
    # On the emulator torch's own kernels do not run: there tensors stay on the CPU, and are copied.
    device = "cuda" if torch.cuda.is_available() and not foldconv.emulated else "cpu"
    module, images = Classifier().eval().to(device), torch.randn(2, 3, 16, 16, device=device)

    with torch.no_grad():
        wanted = module(images)

        # The whole module as one network; what foldconv does not take is an error.
        network = foldconv.compile(module, images)
        print(network.explain())
        print(f"foldconv.compile: off by {(network(images) - wanted).abs().max():.5f}")
        assert torch.equal(network(images[:1]), network(images)[:1])  # one image alone: the same bits

        # The parts of it that foldconv takes; the rest runs in torch.
        compiled = torch.compile(module, backend="foldconv")
        print(f"torch.compile: off by {(compiled(images) - wanted).abs().max():.5f}")


if __name__ == "__main__":
    main()
