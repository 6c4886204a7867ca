#!/usr/bin/env python3
"""The PyTorch side of the engine's benchmark: local SGD on the paper's two MNIST models and on its
character model without peepholes, one core.

    python3 bench/torch_peer.py [--seconds 3] [--models 2nn,cnn,lstm] [--batches 10,50] [--modes eager,...]

Prints one JSON object a case: model, batch, mode, median and minimum microseconds a step, of the
thread's CPU time. Modes:
  eager    what most people write: zero_grad, loss, backward, SGD.step
  foreach  gradients by torch.autograd.grad and one fused update of all parameters
  nhwc     eager with channels-last memory (cnn)
  compile  eager under torch.compile (PyTorch 2)
Debian's PyTorch takes its BLAS from the system: with the reference BLAS it is five times slower
than with OpenBLAS, so the peer is fair only where libopenblas0-pthread is installed.
"""
import argparse
import json
import os
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import torch  # noqa: E402  (thread counts must be set first)
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

EXAMPLES = 600
SEQUENCES, STEPS, TOKENS = 100, 80, 258


class TwoLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10))

    def forward(self, x):
        return self.layers(x)


class Convolutional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5, padding=2)
        self.conv2 = nn.Conv2d(32, 64, 5, padding=2)
        self.dense1 = nn.Linear(3136, 512)
        self.dense2 = nn.Linear(512, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.dense2(F.relu(self.dense1(x.flatten(1))))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, 8)
        self.lstm = nn.LSTM(8, 256, num_layers=2, batch_first=True)
        self.dense = nn.Linear(256, TOKENS)

    def forward(self, x):
        return self.dense(self.lstm(self.embedding(x))[0]).flatten(0, 1)


MODELS = {"2nn": TwoLayers, "cnn": Convolutional, "lstm": Recurrent}


def make_step(model, mode, learning_rate=0.1):
    parameters = list(model.parameters())
    loss_of = nn.CrossEntropyLoss()
    if mode == "foreach":
        def step(x, y):
            gradients = torch.autograd.grad(loss_of(model(x), y), parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, gradients, alpha=-learning_rate)
        return step
    optimizer = torch.optim.SGD(parameters, lr=learning_rate)

    def step(x, y):
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(x), y).backward()
        optimizer.step()
    return torch.compile(step) if mode == "compile" else step


def data(name):
    """Inputs and labels; of sequences all positions' labels."""
    if name == "lstm":
        return (torch.randint(0, TOKENS, (SEQUENCES, STEPS)),
                torch.randint(0, TOKENS, (SEQUENCES, STEPS)))
    x = torch.rand(EXAMPLES, 784)
    return x if name == "2nn" else x.view(EXAMPLES, 1, 28, 28), torch.randint(0, 10, (EXAMPLES,))


def measure(name, batch, mode, seconds):
    torch.manual_seed(0)
    model = MODELS[name]()
    x, y = data(name)
    if mode == "nhwc":
        model = model.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    batches = [(x[i:i + batch].clone(), y[i:i + batch].flatten()) for i in range(0, len(x), batch)]
    step = make_step(model, mode)
    for i in range(10):
        step(*batches[i % len(batches)])
    times = []
    end = time.thread_time() + seconds
    while time.thread_time() < end or len(times) < 7:
        start = time.thread_time()
        step(*batches[len(times) % len(batches)])
        times.append(time.thread_time() - start)
    return {"model": name, "batch": batch, "mode": mode, "torch": torch.__version__,
            "median_us": round(statistics.median(times) * 1e6, 1),
            "min_us": round(min(times) * 1e6, 1)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--models", default="2nn,cnn,lstm")
    arguments.add_argument("--batches", default="10,50")
    arguments.add_argument("--modes", default="eager,foreach,nhwc")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    for name in options.models.split(","):
        for batch in map(int, options.batches.split(",")):
            for mode in options.modes.split(","):
                if mode != "nhwc" or name == "cnn":
                    print(json.dumps(measure(name, batch, mode, options.seconds)), flush=True)


if __name__ == "__main__":
    main()
