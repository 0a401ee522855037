# SPDX-License-Identifier: MIT
"""Small modules with random weights and statistics, and what they answer in fp64."""

import copy

import torch
from torch import nn
from torch.nn import functional


class Plain(nn.Module):
    """Convolution, BatchNorm with an eps of its own, activation, a linear layer."""

    def __init__(self, activation=nn.ReLU):
        super().__init__()
        self.conv = nn.Conv2d(3, 9, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(9, eps=0.01)
        self.activation = activation()
        self.linear = nn.Linear(9, 5)

    def forward(self, x):
        return self.linear(self.activation(self.norm(self.conv(x))).mean((2, 3)))


class Bottleneck(nn.Module):
    """As torchvision has it."""

    def __init__(self, c, middle, k, stride=1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c, middle, 1, bias=False), nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv3, self.bn3 = nn.Conv2d(middle, k, 1, bias=False), nn.BatchNorm2d(k)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or c != k:
            self.downsample = nn.Sequential(nn.Conv2d(c, k, 1, stride, bias=False), nn.BatchNorm2d(k))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        x += shortcut
        return self.relu(x)


class Residual(nn.Module):
    """A stem with a pool, and three blocks: a projection, an identity, a stride."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
                                  nn.MaxPool2d(3, 2, 1))
        self.layers = nn.Sequential(Bottleneck(16, 8, 32), Bottleneck(32, 8, 32), Bottleneck(32, 16, 64, 2))

    def forward(self, x):
        return torch.flatten(functional.adaptive_avg_pool2d(self.layers(self.stem(x)), 1), 1)


class Mobile(nn.Module):
    """relu6, hardswish, silu, a depthwise convolution, squeeze and excitation, dropout."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6())
        self.depthwise = nn.Sequential(nn.Conv2d(16, 16, 3, 1, 1, groups=16, bias=False), nn.BatchNorm2d(16),
                                       nn.Hardswish())
        self.squeeze, self.excite = nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1)
        self.project = nn.Sequential(nn.Conv2d(16, 24, 1, bias=False), nn.BatchNorm2d(24), nn.SiLU())
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(24, 7))

    def forward(self, x):
        x = self.depthwise(self.stem(x))
        scale = torch.sigmoid(self.excite(functional.silu(self.squeeze(functional.adaptive_avg_pool2d(x, 1)))))
        return self.head(self.project(x * scale).mean((2, 3)))


class Split(nn.Module):
    """Two convolutions, with an operator between them that foldconv does not have."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, x):
        return self.second(torch.sin(self.first(x).relu())).relu()


class TwoOutputs(nn.Module):
    """Answers a dictionary, as segmentation networks do."""

    def __init__(self):
        super().__init__()
        self.body, self.mask, self.score = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 2, 1), nn.Linear(8, 3)

    def forward(self, x):
        x = self.body(x).relu()
        return {"mask": self.mask(x), "score": self.score(x.mean((2, 3)))}


def seeded(module, seed=1):
    """In evaluation mode, its weights and statistics drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            with torch.no_grad():
                part.weight.uniform_(0.5, 1.5, generator=generator)
                part.bias.normal_(0, 0.1, generator=generator)
                part.running_mean.normal_(0, 0.1, generator=generator)
                part.running_var.uniform_(0.5, 2, generator=generator)
        elif isinstance(part, (nn.Conv2d, nn.Linear)):
            with torch.no_grad():
                part.weight.normal_(0, part.weight[0].numel() ** -0.5, generator=generator)
                if part.bias is not None:
                    part.bias.normal_(0, 0.1, generator=generator)
    return module.eval()


def images(n, h=15, w=13, seed=2):
    return torch.randn(n, 3, h, w, generator=torch.Generator().manual_seed(seed))


def in_fp64(module, x):
    with torch.no_grad():
        return copy.deepcopy(module).double()(x.double())


def assert_close(answer, wanted, roundings, unit=2**-11):
    """Each of a chain of so many roundings to f16 may be half a unit off, all on the same side; at values of the size of
    the largest."""
    assert answer.shape == wanted.shape
    scale = max(wanted.abs().max().item(), 1.0)
    assert (answer.double() - wanted).abs().max().item() <= roundings * unit * scale
