#!/usr/bin/env python3
"""Golden steps of two CNNs by PyTorch, for tests/unit/nn/cnn_golden_test.c.

    python3 tools/golden_cnn.py tests/golden/cnn.f32

Writes little-endian float32, in the order of the test's struct golden:

  small    12x12x1 | conv 5x5 16 | relu | maxpool 2 | conv 5x5 16 | relu | maxpool 2 | dense 24 |
           relu | dense 10; batches of 8, learning rate 0.1
      images, labels          of STEPS batches
      weights                 before step 0, 1, ... and after the last: each step can start from
                              the golden weights of the one before
      losses                  of each step
      last                    weights after RUN steps in one go, over the batches in turn
      scatter                 of each tensor: how far PyTorch itself ends from there when every
                              weight starts off by a factor of 1 + 1e-6 * N(0, 1)
  mnist    the MNIST CNN, 1,663,370 parameters from a formula; one batch of 10
      loss, spots, scatter    the gradient of each tensor at SPOTS places

Tensors are in our order: convolutions (height, width, in, out), dense (in, out), inputs of the first
dense layer by height, width, channel. Made with PyTorch 1.13 on x86-64; another version changes last
bits only.
"""
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional as F

STEPS, RUN, BATCH, RATE, SPOTS, NOISES = 3, 20, 8, 0.1, 32, 8


class Cnn(nn.Module):
    def __init__(self, side, channels, hidden):
        super().__init__()
        self.side, self.channels, self.hidden = side // 4, channels, hidden
        self.conv1 = nn.Conv2d(1, channels[0], 5, padding=2)
        self.conv2 = nn.Conv2d(channels[0], channels[1], 5, padding=2)
        self.dense1 = nn.Linear(self.side ** 2 * channels[1], hidden)
        self.dense2 = nn.Linear(hidden, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.dense2(F.relu(self.dense1(x.flatten(1))))

    def ours(self, tensors):
        """Tensors in PyTorch's order (parameters or gradients) to flat arrays in ours."""
        flat = []
        for t in tensors:
            t = t.detach()
            if t.dim() == 4:
                t = t.permute(2, 3, 1, 0)
            elif t.dim() == 2 and t.shape[0] == self.hidden:
                t = t.view(self.hidden, self.channels[1], self.side, self.side)
                t = t.permute(2, 3, 1, 0)
            elif t.dim() == 2:
                t = t.t()
            flat.append(t.reshape(-1).clone().numpy())
        return flat

    def load(self, flat):
        """The way back, into the parameters."""
        for p, a in zip(self.parameters(), flat):
            a = torch.from_numpy(a)
            if p.dim() == 4:
                a = a.view(*p.shape[2:], p.shape[1], p.shape[0]).permute(3, 2, 0, 1)
            elif p.dim() == 2 and p.shape[0] == self.hidden:
                a = a.view(self.side, self.side, self.channels[1], self.hidden)
                a = a.permute(3, 2, 0, 1).reshape(p.shape)
            elif p.dim() == 2:
                a = a.view(p.shape[1], p.shape[0]).t()
            p.data = a.clone()


def noisy(flat):
    return [(a * (1 + 1e-6 * numpy.random.randn(*a.shape))).astype("f4") for a in flat]


def run(model, flat, batches):
    """SGD over batches from flat. Returns the weights after it and the last loss."""
    model.load(flat)
    for x, y in batches:
        model.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= RATE * p.grad
    return model.ours(model.parameters()), loss.item()


def distances(a, b):
    return [float(abs(x - y).max()) for x, y in zip(a, b)]


def scatter_of(make, flat):
    """For each tensor the largest distance from make(flat) over noisy starts."""
    middle = make(flat)
    return numpy.max([distances(make(noisy(flat)), middle) for _ in range(NOISES)], axis=0)


def small():
    model = Cnn(12, (16, 16), 24)
    x = torch.rand(STEPS, BATCH, 1, 12, 12)
    y = torch.randint(0, 10, (STEPS, BATCH))
    batches = list(zip(x, y))
    weights = [model.ours(model.parameters())]
    losses = []
    for batch in batches:
        end, loss = run(model, weights[-1], [batch])
        weights.append(end)
        losses.append(loss)
    sequence = [batches[i % STEPS] for i in range(RUN)]
    last, _ = run(model, weights[0], sequence)
    scatter = scatter_of(lambda w: run(model, w, sequence)[0], weights[0])
    flats = [numpy.concatenate(w) for w in weights]
    return [x.numpy(), y.numpy(), *flats, losses, numpy.concatenate(last), scatter]


def formula(count, stride):
    """Numbers in [-1/2, 1/2), the same in C: the top 24 bits of multiples of an odd number."""
    i = numpy.arange(count, dtype=numpy.uint64) * numpy.uint64(stride) & numpy.uint64(0xFFFFFFFF)
    return ((i >> numpy.uint64(8)).astype("f4") / numpy.float32(1 << 24)) - numpy.float32(0.5)


def mnist():
    model = Cnn(28, (32, 64), 512)
    sizes = [p.numel() for p in model.parameters()]
    flat, at = [], 0
    every = formula(sum(sizes), 2654435761)
    for p, size in zip(model.parameters(), sizes):
        scale = 4 / numpy.sqrt(p[0].numel()) if p.dim() > 1 else 0.25
        flat.append(every[at:at + size] * numpy.float32(scale))
        at += size
    x = torch.from_numpy(formula(10 * 784, 2246822519) + numpy.float32(0.5)).view(10, 1, 28, 28)
    y = torch.arange(10)

    def gradients(w):
        model.load(w)
        model.zero_grad(set_to_none=True)
        model.loss = F.cross_entropy(model(x), y)
        model.loss.backward()
        return model.ours(p.grad for p in model.parameters())

    exact = gradients(flat)
    loss = model.loss.item()
    spots = [g[[k * len(g) // SPOTS for k in range(SPOTS)]] for g in exact]
    return [loss, *spots, scatter_of(gradients, flat)]


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    numpy.random.seed(1)
    with open(sys.argv[1], "wb") as out:
        for part in small() + mnist():
            out.write(numpy.asarray(part, dtype="<f4").tobytes())


if __name__ == "__main__":
    main()
