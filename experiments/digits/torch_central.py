#!/usr/bin/env python3
"""How hard an MNIST-like set is: softmax, 2NN and CNN trained centrally with PyTorch.

  choir data export digits FOLDER --set data.clients=100 --set data.examples=100 \
      --set data.test_examples=10000
  torch_central.py FOLDER [softmax,2nn,cnn]

Plain SGD, batches of 10, learning rate 0.1, PyTorch's default initialisation, seed 1. Prints the
test accuracy after every epoch, and the best. Needs PyTorch (Debian: python3-torch).
"""
import gzip
import pathlib
import struct
import sys

import numpy
import torch
from torch import nn


def idx(folder, name):
    plain = pathlib.Path(folder) / name
    data = plain.read_bytes() if plain.exists() else gzip.open(f"{plain}.gz").read()
    sizes = struct.unpack(f">{data[3]}I", data[4:4 + 4 * data[3]])
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * data[3]).reshape(sizes)


def half(folder, name):
    images = torch.tensor(idx(folder, f"{name}-images-idx3-ubyte").astype("float32") / 255)
    labels = torch.tensor(idx(folder, f"{name}-labels-idx1-ubyte").astype("int64"))
    return images.unsqueeze(1), labels


def softmax():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), 30


def two_nn():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200),
                         nn.ReLU(), nn.Linear(200, 10)), 20


def cnn():
    return nn.Sequential(nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 10)), 8


def accuracy(net, x, y):
    with torch.no_grad():
        hits = sum((net(x[i:i + 500]).argmax(1) == y[i:i + 500]).sum().item()
                   for i in range(0, len(x), 500))
    return hits / len(x)


def main():
    nets = {"softmax": softmax, "2nn": two_nn, "cnn": cnn}
    x, y = half(sys.argv[1], "train")
    test_x, test_y = half(sys.argv[1], "t10k")
    print(f"{len(x)} examples to train on, {len(test_x)} to test")
    for name in (sys.argv[2] if len(sys.argv) > 2 else "softmax,2nn,cnn").split(","):
        torch.manual_seed(1)
        net, epochs = nets[name]()
        steps = torch.optim.SGD(net.parameters(), lr=0.1)
        reached = []
        for _ in range(epochs):
            for batch in torch.randperm(len(x)).split(10):
                steps.zero_grad()
                nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
                steps.step()
            reached.append(accuracy(net, test_x, test_y))
        print(f"{name:8} best {100 * max(reached):.2f} %  last {100 * reached[-1]:.2f} %  by epoch "
              + " ".join(f"{100 * a:.1f}" for a in reached), flush=True)


main()
