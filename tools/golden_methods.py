"""Writes tests/golden/methods.txt: algorithms with a client end by plain Python, in double.

    python3 tools/golden_methods.py > tests/golden/methods.txt

Four clients with n = 2, 4, 4, 2 examples, each client's alike, so that no order matters; linear regression on
two features and a constant, loss (p - y)^2. A line is a case, a round, and the parameters after it. Formulas as the
papers write them: FedProx (Li et al. 2020, Algorithm 2), FedNova (Wang et al. 2020), q-FedAvg (Li et al. 2020), SCAFFOLD (Karimireddy et al. 2020, Option
II; saga is Defazio et al. 2014 instead, which SCAFFOLD with one full step of one client a round must be), FedDyn
(Acar et al. 2021). COHORTS is who takes part; tests/system/methods_test.c checks that the coordinator draws it.
"""
CLIENTS = [((1, 1, 1), 2.0, 2), ((1, -1, 1), -1.0, 4), ((-1, 1, 1), 0.5, 4), ((-1, -1, 1), -3.0, 2)]
START = [0.5, -0.25, 0.125]
ROUNDS = 8
HALF = [[0, 3], [0, 2], [1, 2], [0, 1], [1, 2], [0, 1], [0, 2], [1, 3]]
ONE = [[3], [2], [1], [0], [1], [0], [2], [3]]
ALL = [[0, 1, 2, 3]] * ROUNDS


def plus(a, b, factor=1.0):
    return [x + factor * y for x, y in zip(a, b)]


def times(a, factor):
    return [factor * x for x in a]


def mean(vectors, weights):
    total = sum(weights)
    out = [0.0] * len(vectors[0])
    for v, w in zip(vectors, weights):
        out = plus(out, v, w / total)
    return out


def gradient(k, w):
    x, y, _ = CLIENTS[k]
    error = sum(a * b for a, b in zip(x, w)) - y
    return times(x, 2 * error)


def loss(k, w):
    x, y, _ = CLIENTS[k]
    return (sum(a * b for a, b in zip(x, w)) - y) ** 2


def steps_of(k, o):
    n = CLIENTS[k][2]
    return o["epochs"] * (-(-n // o["batch"]) if o["batch"] else 1)


def local(k, start, o, correction=(0, 0, 0)):
    """The update, by SGD as the task asks for it."""
    w, v = list(start), [0.0] * 3
    for _ in range(steps_of(k, o)):
        g = plus(plus(gradient(k, w), correction), plus(w, start, -1), o["mu"])
        v = plus(times(v, o["rho"]), g)
        w = plus(w, v, -o["eta"])
    return plus(w, start, -1)


def a_norm(steps, o):
    """|a|_1, impulse by impulse: how far a gradient of one in step j alone moves w, over -eta."""
    total = 0.0
    for j in range(steps):
        d, v = 0.0, 0.0
        for i in range(steps):
            v = o["rho"] * v + (i == j) + o["mu"] * d
            d -= o["eta"] * v
        total += abs(d / -o["eta"])
    return total


def fedprox(o):
    w = list(START)
    for cohort in o["cohorts"]:
        w = plus(w, mean([local(k, w, o) for k in cohort], [CLIENTS[k][2] for k in cohort]))
        yield w


def fednova(o):
    w = list(START)
    for cohort in o["cohorts"]:
        p = [CLIENTS[k][2] for k in cohort]
        a = [a_norm(steps_of(k, o), o) for k in cohort]
        d = [times(local(k, w, o), 1 / a_k) for k, a_k in zip(cohort, a)]
        tau = sum(x * y for x, y in zip(p, a)) / sum(p)
        w = plus(w, mean(d, p), tau)
        yield w


def qfedavg(o):
    w, q, lip = list(START), o["q"], 1 / o["eta"]
    for cohort in o["cohorts"]:
        delta, h = [0.0] * 3, 0.0
        for k in cohort:
            f = loss(k, w) + 1e-10
            change = times(local(k, w, o), -lip)
            delta = plus(delta, change, f ** q)
            h += q * f ** (q - 1) * sum(x * x for x in change) + lip * f ** q
        w = plus(w, delta, -1 / h)
        yield w


def scaffold(o):
    x, c = list(START), [0.0] * 3
    own = [[0.0] * 3 for _ in CLIENTS]
    for cohort in o["cohorts"]:
        deltas, changes = [], []
        for k in cohort:
            d = local(k, x, o, plus(c, own[k], -1))
            fresh = plus(plus(own[k], c, -1), d, -1 / (steps_of(k, o) * o["eta"]))
            deltas.append(d)
            changes.append(plus(fresh, own[k], -1))
            own[k] = fresh
        x = plus(x, mean(deltas, [CLIENTS[k][2] for k in cohort]))
        for change in changes:
            c = plus(c, change, 1 / len(CLIENTS))
        yield x


def saga(o):
    x = list(START)
    table = [[0.0] * 3 for _ in CLIENTS]
    for (k,) in o["cohorts"]:
        average = mean(table, [1] * len(CLIENTS))
        g = gradient(k, x)
        x = plus(x, plus(plus(g, table[k], -1), average), -o["eta"])
        table[k] = g
        yield x


def feddyn(o):
    w, h, alpha = list(START), [0.0] * 3, o["mu"]
    own = [[0.0] * 3 for _ in CLIENTS]
    for cohort in o["cohorts"]:
        deltas = [local(k, w, o, times(own[k], -1)) for k in cohort]
        for k, d in zip(cohort, deltas):
            own[k] = plus(own[k], d, -alpha)
            h = plus(h, d, -alpha / len(CLIENTS))
        w = plus(plus(w, mean(deltas, [1] * len(cohort))), h, -1 / alpha)
        yield w


USUAL = {"epochs": 3, "batch": 2, "eta": 0.0625, "rho": 0.0, "mu": 0.0}
CASES = {
    "fedprox": (fedprox, {**USUAL, "cohorts": HALF, "mu": 0.5}),
    "fedprox-momentum": (fedprox, {**USUAL, "cohorts": ALL, "mu": 1.0, "rho": 0.5}),
    "fednova": (fednova, {**USUAL, "cohorts": HALF}),
    "fednova-momentum": (fednova, {**USUAL, "cohorts": ALL, "rho": 0.5, "mu": 0.25}),
    "q-fedavg": (qfedavg, {**USUAL, "cohorts": HALF, "q": 1.0}),
    "q-fedavg-2": (qfedavg, {**USUAL, "cohorts": ALL, "q": 2.5}),
    "scaffold": (scaffold, {**USUAL, "cohorts": HALF}),
    "scaffold-saga": (saga, {**USUAL, "cohorts": ONE, "epochs": 1, "batch": 0}),
    "feddyn": (feddyn, {**USUAL, "cohorts": HALF, "mu": 0.5}),
    "feddyn-momentum": (feddyn, {**USUAL, "cohorts": HALF, "mu": 0.25, "rho": 0.5}),
}
for name, (run, options) in CASES.items():
    for number, w in enumerate(run(options), 1):
        print(name, number, *(f"{x:.17g}" for x in w))
