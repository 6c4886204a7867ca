"""Writes tests/golden/fedopt.txt: server optimisers by plain Python, in double throughout.

    python3 tools/golden_fedopt.py > tests/golden/fedopt.txt

Reddi et al., "Adaptive Federated Optimization", ICLR 2021, algorithm 2, written down once more and by
vector, with v_{-1} = tau^2 and no bias correction. A line is an algorithm, a round, and the parameters
after it. The mean updates are the same short formula here and in tests/unit/fl/fedopt_test.c.
"""
import math

DIM, ROUNDS = 5, 12
RATE, BETA1, BETA2, TAU = 0.125, 0.75, 0.875, 0.0625


def mean(round_, i):
    """In 1/4096: what a sum of integers over a divisor of 4096 is exactly."""
    return ((round_ * 37 + i * 101) % 257 - 128) / 4096 * (1, 4, 16, 64, 0)[i]


def sign(x):
    return (x > 0) - (x < 0)


SECOND = {
    "fedadagrad": lambda v, d: v + d * d,
    "fedadam": lambda v, d: BETA2 * v + (1 - BETA2) * d * d,
    "fedyogi": lambda v, d: v - (1 - BETA2) * d * d * sign(v - d * d),
}

for name, second in SECOND.items():
    beta1 = 0 if name == "fedadagrad" else BETA1
    x = [1 - i / 2 for i in range(DIM)]
    m, v = [0.0] * DIM, [TAU ** 2] * DIM
    for t in range(1, ROUNDS + 1):
        delta = [mean(t, i) for i in range(DIM)]
        m = [beta1 * a + (1 - beta1) * d for a, d in zip(m, delta)]
        v = [second(a, d) for a, d in zip(v, delta)]
        x = [a + RATE * b / (math.sqrt(c) + TAU) for a, b, c in zip(x, m, v)]
        print(name, t, *(f"{a:.17g}" for a in x))
