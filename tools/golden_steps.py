#!/usr/bin/env python3
"""Golden steps of multilayer perceptrons by PyTorch, for tests/unit/nn/mlp_golden_test.c.

    python3 tools/golden_steps.py tests/golden/2nn_steps.bin

Writes little-endian float32, in the order of the test's struct golden:

  small    dense 16 | relu | dense 12 | relu | dense 5 on 20 features; batches of 10, rate 0.1
      images, labels   of STEPS batches
      weights          before step 0, 1, ... and after the last, by plain SGD: each step can start
                       from the golden weights of the one before
      losses           of each step
      momentum         weights after STEPS steps from the first weights with momentum 0.9 and weight
                       decay 0.01
  mnist    the 2NN of McMahan et al., 199,210 parameters, one batch of 10; weights, images and labels
           from the formula below, which the test repeats
      loss, spots      the gradient of each tensor at SPOTS places

Dense weights are in our order, (in, out). Made with PyTorch 1.13 on x86-64; another version changes
last bits only.
"""
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional as F

STEPS, BATCH, RATE, SPOTS = 5, 10, 0.1, 32


def formula(count, salt, scale):
    """count numbers in +-scale/2: a multiplicative hash of their place, exact in float64."""
    i = numpy.arange(count, dtype=numpy.uint64) + numpy.uint64(salt)
    hashed = (i * numpy.uint64(2654435761)) & numpy.uint64(0xFFFFFFFF)
    return ((hashed / 4294967296.0 - 0.5) * scale).astype("f4")


def mlp(sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def ours(tensors):
    return [(t.detach().t() if t.dim() == 2 else t.detach()).reshape(-1).numpy().copy() for t in tensors]


def load(net, flat):
    for p, a in zip(net.parameters(), flat):
        a = torch.from_numpy(a.copy())
        p.data = a.view(p.shape[1], p.shape[0]).t().contiguous() if p.dim() == 2 else a


def steps(net, images, labels, **options):
    """Runs all steps; returns the weights before each and after the last, and the losses."""
    optimiser = torch.optim.SGD(net.parameters(), lr=RATE, **options)
    weights, losses = [ours(net.parameters())], []
    for x, y in zip(images, labels):
        optimiser.zero_grad()
        loss = F.cross_entropy(net(torch.from_numpy(x)), torch.from_numpy(y))
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        weights.append(ours(net.parameters()))
    return weights, losses


def small(out):
    net = mlp((20, 16, 12, 5))
    images = numpy.random.rand(STEPS, BATCH, 20).astype("f4")
    labels = numpy.random.randint(0, 5, (STEPS, BATCH))
    start = ours(net.parameters())
    weights, losses = steps(net, images, labels)
    load(net, start)
    momentum, _ = steps(net, images, labels, momentum=0.9, weight_decay=0.01)
    out += [images, labels] + [t for w in weights for t in w] + [losses] + momentum[-1]


def mnist(out):
    net = mlp((784, 200, 200, 10))
    salt, flat = 1, []
    for p in net.parameters():
        flat.append(formula(p.numel(), salt, 0.1))
        salt += p.numel()
    load(net, flat)
    x = formula(BATCH * 784, 7, 2.0).reshape(BATCH, 784)
    loss = F.cross_entropy(net(torch.from_numpy(x)), torch.arange(BATCH) % 10)
    loss.backward()
    out.append([loss.item()])
    for g in ours(p.grad for p in net.parameters()):
        out.append(g[[i * len(g) // SPOTS for i in range(SPOTS)]])


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    numpy.random.seed(1)
    out = []
    small(out)
    mnist(out)
    flat = numpy.concatenate([numpy.asarray(a, dtype="<f4").reshape(-1) for a in out])
    flat.tofile(sys.argv[1])
    print(len(flat) * 4, "bytes")


main()
