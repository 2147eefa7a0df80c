from __future__ import annotations

from dataclasses import dataclass
import numpy as np

from ariigcn_dgl.data.dialogues import MODALITIES, SPLITS, UNLABELLED, Dialogues
from ariigcn_dgl.data.synth_config import SynthConfig, SynthModality

_MEMORY = 0.8
_FLOOR = 0.5
FLIP = False
ECHO = False


def turns(config, cast, rng, length):
    size = len(config.participants)
    people = 1 + rng.choice(size, p=config.participants)
    pool = rng.permutation(cast)[:people]
    order = [pool[0]]
    partner = None
    for _ in range(length - 1):
        now = order[-1]
        others = [p for p in pool if p != now]
        if not others or rng.random() >= config.alternation:
            order.append(now)
        elif partner is not None and rng.random() < config.reply:
            order.append(partner); partner = now
        else:
            order.append(others[rng.integers(len(others))]); partner = now
    return np.array(order)


def last_rows(speakers):
    own = np.full(len(speakers), -1); other = np.full(len(speakers), -1)
    for i in range(1, len(speakers)):
        same = np.flatnonzero(speakers[:i] == speakers[i]); diff = np.flatnonzero(speakers[:i] != speakers[i])
        if len(same): own[i] = same[-1]
        if len(diff): other[i] = diff[-1]
    return own, other


def emotions(config, own, other, rng):
    p = np.array(config.class_priors); p = p / p.sum()
    mood = rng.dirichlet(config.mood * p)
    y = rng.choice(len(p), size=len(own), p=mood)
    u = rng.random(len(own))
    for i in range(len(own)):
        if u[i] < config.inertia:
            if own[i] >= 0: y[i] = y[own[i]]
        elif u[i] < config.inertia + config.contagion:
            if other[i] >= 0: y[i] = y[other[i]]
    return y


def noise(m: SynthModality, length, k, rng):
    white = rng.standard_normal((length, k))
    slow = rng.standard_normal((length, k))
    for i in range(1, length):
        slow[i] = _MEMORY * slow[i - 1] + np.sqrt(1 - _MEMORY**2) * slow[i]
    return np.sqrt(m.drift) * slow + np.sqrt(1 - m.drift) * white


def geometry(config, rng):
    C = len(config.class_names)
    out = {}
    for name in MODALITIES:
        m = getattr(config, name)
        E = np.eye(C)
        for a, b in m.twins:
            E[config.class_names.index(b)] = E[config.class_names.index(a)]
        E = m.strength * E
        mix = rng.standard_normal((2*C + 1, m.width)) / np.sqrt(C + 1)
        out[name] = (E, mix)
    return out


def synthesise(config: SynthConfig, seed: int = 0) -> Dialogues:
    seqs = np.random.SeedSequence(seed).spawn(4)
    geo = geometry(config, np.random.default_rng(seqs[0]))
    C = len(config.class_names)
    pair = [config.class_names.index(c) for c in config.ironic]
    feats = {m: [] for m in MODALITIES}; masks = {m: [] for m in MODALITIES}
    labels = []; speakers = []; lens = []; ids = []; splits = []; base = 0
    for split, seq in zip(SPLITS, seqs[1:]):
        rng = np.random.default_rng(seq)
        n = getattr(config, split); size = len(config.participants)
        for d in range(n):
            if d % config.dialogues_per_cast == 0:
                cast = np.arange(base, base + size); base += size
                trait = {m: getattr(config, m).trait * rng.standard_normal((size, 2*C + 1)) for m in MODALITIES}
            sh = (config.length_mean / config.length_sd) ** 2
            T = int(np.clip(np.rint(rng.gamma(sh, config.length_mean / sh)), config.length_min, config.length_max))
            spk = turns(config, cast, rng, T)
            own, other = last_rows(spk)
            y = emotions(config, own, other, rng)
            sign = rng.choice([-1.0, 1.0], size=T)
            prod = np.where(y == pair[0], 1, np.where(y == pair[1], -1, rng.choice([-1.0, 1.0], size=T)))
            signs = {"text": sign, "visual": sign * prod, "audio": np.zeros(T)}
            for m in MODALITIES:
                mc = getattr(config, m)
                E, mix = geo[m]
                R = -E if FLIP else np.roll(E, C // 2, axis=0)
                ev = (1 - config.lag) * E[y] + config.lag * np.where(own[:, None] >= 0, E[y[own]], 0)
                re = config.reaction * np.where(other[:, None] >= 0, R[y[other]], 0)
                z = noise(mc, T, 2*C + 1, rng) + trait[m][spk - cast[0]]
                z[:, :C] += ev
                z[:, C+1:] += re if ECHO else 0
                z[:, :C] += 0 if ECHO else re
                z[:, C] += config.irony * signs[m]
                x = z @ mix + _FLOOR * rng.standard_normal((T, mc.width))
                feats[m].append(x)
                masks[m].append(rng.random(T) >= mc.missing)
            labels.append(y); speakers.append(spk); lens.append(T); ids.append(f"{split}_{d:04d}"); splits.append(split)
    ptr = np.concatenate([[0], np.cumsum(lens)])
    ntrain = ptr[config.train]
    F = {}; M = {}
    for m in MODALITIES:
        x = np.concatenate(feats[m]); k = np.concatenate(masks[m])
        t = x[:ntrain][k[:ntrain]]
        F[m] = np.where(k[:, None], (x - t.mean(0)) / t.std(0), 0).astype(np.float32); M[m] = k
    return Dialogues(config.name, F, M, np.concatenate(labels), np.concatenate(speakers), ptr, tuple(ids), tuple(splits),
        tuple(f"{i}_{j}" for i, L in zip(ids, lens) for j in range(L)), config.class_names, tuple(str(i) for i in range(base)))
