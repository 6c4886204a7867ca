#!/usr/bin/env python3
"""Golden steps of recurrent nets by PyTorch, for tests/unit/nn/lstm_golden_test.c.

    python3 tools/golden_lstm.py tests/golden/lstm.f32

Writes little-endian float32, in the order of the test's struct golden. For each of

  plain     embedding 11 5 | lstm 7 | lstm 6 | dense 11       by torch.nn.LSTM, packed sequences
  peephole  embedding 11 5 | lstm 7 peephole | lstm 6 peephole | dense 11         by a cell below
  keyboard  embedding 11 5 | lstm 7/5 cifg | unembedding                          by a cell below

and batches of 6 sequences of 1 to 9 tokens, learning rate 0.5:

      weights     before step 0, 1, ... and after the last, by plain SGD: each step can start from the
                  golden weights of the one before
      losses      of each step: the mean over all positions

after tokens, labels and lengths of all batches, which are the same for all three. Tensors are in our
order: gates one after the other, each (in, out). The cells are written out position by position, one
sequence after the other, without packing or padding; checked here against torch.nn.LSTM with their
peepholes zero. Made with PyTorch 1.13 on x86-64; another version changes last bits only.
"""
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional as F

STEPS, BATCH, LONGEST, TOKENS, RATE = 4, 6, 9, 11, 0.5


class Plain(nn.Module):
    """The common form."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, 5)
        self.lstms = nn.ModuleList([nn.LSTM(5, 7, batch_first=True), nn.LSTM(7, 6, batch_first=True)])
        self.dense = nn.Linear(6, TOKENS)
        for lstm in self.lstms:
            lstm.bias_hh_l0.data.zero_()  # there is one bias with us: this one stays
            lstm.bias_hh_l0.requires_grad_(False)

    def scores(self, tokens, lengths):
        x = nn.utils.rnn.pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True,
                                              enforce_sorted=False)
        for lstm in self.lstms:
            x, _ = lstm(x)
        padded, _ = nn.utils.rnn.pad_packed_sequence(x, batch_first=True)
        return torch.cat([self.dense(padded[i, :n]) for i, n in enumerate(lengths)])

    def ours(self):
        flat = [self.embedding.weight]
        for lstm in self.lstms:
            units = lstm.hidden_size
            flat += [lstm.weight_ih_l0.view(4, units, -1).transpose(1, 2),
                     lstm.weight_hh_l0.view(4, units, -1).transpose(1, 2), lstm.bias_ih_l0]
        return flat + [self.dense.weight.t(), self.dense.bias]


class Cell(nn.Module):
    """One LSTM as its formulas say; Gers and Schmidhuber 2000, Sak et al. 2014, Greff et al. 2015."""

    def __init__(self, inputs, units, peephole=False, coupled=False, outputs=0):
        super().__init__()
        gates = 3 if coupled else 4
        self.units, self.coupled, self.outputs = units, coupled, outputs or units

        def uniform(*shape):
            return nn.Parameter((2 * torch.rand(*shape) - 1) / units ** 0.5)
        self.weight = uniform(gates, inputs, units)
        self.recurrent = uniform(gates, self.outputs, units)
        self.bias = uniform(gates, units)
        self.peephole = uniform(gates - 1, units) if peephole else None
        self.projection = uniform(units, outputs) if outputs else None

    def forward(self, x):
        """x (positions, inputs) of one sequence."""
        y, c, out = torch.zeros(self.outputs), torch.zeros(self.units), []
        for step in x:
            z = [step @ w + y @ u + b for w, u, b in zip(self.weight, self.recurrent, self.bias)]
            p = self.peephole if self.peephole is not None else torch.zeros(len(z) - 1, self.units)
            f = torch.sigmoid(z[-3] + p[-2] * c)
            i = 1 - f if self.coupled else torch.sigmoid(z[0] + p[0] * c)
            c = f * c + i * torch.tanh(z[-2])
            y = torch.sigmoid(z[-1] + p[-1] * c) * torch.tanh(c)
            y = y if self.projection is None else y @ self.projection
            out.append(y)
        return torch.stack(out)

    def ours(self):
        return [p for p in (self.weight, self.recurrent, self.bias, self.peephole, self.projection)
                if p is not None]


class Peephole(nn.Module):
    def __init__(self, peephole=True):
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, 5)
        self.lstms = nn.ModuleList([Cell(5, 7, peephole), Cell(7, 6, peephole)])
        self.dense = nn.Linear(6, TOKENS)

    def scores(self, tokens, lengths):
        return torch.cat([self.dense(self.lstms[1](self.lstms[0](self.embedding(t[:n]))))
                          for t, n in zip(tokens, lengths)])

    def ours(self):
        return [self.embedding.weight, *self.lstms[0].ours(), *self.lstms[1].ours(),
                self.dense.weight.t(), self.dense.bias]


class Keyboard(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, 5)
        self.lstm = Cell(5, 7, coupled=True, outputs=5)

    def scores(self, tokens, lengths):
        return torch.cat([self.lstm(self.embedding(t[:n])) @ self.embedding.weight.t()
                          for t, n in zip(tokens, lengths)])

    def ours(self):
        return [self.embedding.weight, *self.lstm.ours()]


def flat_of(net):
    return torch.cat([t.detach().reshape(-1) for t in net.ours()]).numpy().copy()


def check_cell():
    """The cell without peepholes is torch.nn.LSTM."""
    plain, cell = Plain(), Peephole(peephole=False)
    for ours, theirs in zip(cell.ours(), plain.ours()):
        ours.data.copy_(theirs.detach().reshape(ours.shape))
    tokens, lengths = torch.randint(0, TOKENS, (2, LONGEST)), [LONGEST, 4]
    off = (plain.scores(tokens, lengths) - cell.scores(tokens, lengths)).abs().max().item()
    assert off < 1e-6, off


def steps(net, batches, out):
    trained = [p for p in net.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=RATE)
    weights, losses = [flat_of(net)], []
    for tokens, labels, lengths in batches:
        optimiser.zero_grad()
        wanted = torch.cat([row[:n] for row, n in zip(labels, lengths)])
        loss = F.cross_entropy(net.scores(tokens, lengths), wanted)
        loss.backward()
        optimiser.step()
        weights.append(flat_of(net))
        losses.append(loss.item())
    out += weights + [losses]
    print(len(weights[0]), "parameters, losses", losses)


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    check_cell()
    batches = []
    for _ in range(STEPS):
        batches.append((torch.randint(0, TOKENS, (BATCH, LONGEST)),
                        torch.randint(0, TOKENS, (BATCH, LONGEST)),
                        torch.randint(1, LONGEST + 1, (BATCH,)).tolist()))
    out = [[b[0].numpy() for b in batches], [b[1].numpy() for b in batches], [b[2] for b in batches]]
    for net in (Plain(), Peephole(), Keyboard()):
        steps(net, batches, out)
    flat = numpy.concatenate([numpy.asarray(a, dtype="<f4").reshape(-1) for a in out])
    flat.tofile(sys.argv[1])
    print(len(flat) * 4, "bytes")


main()
