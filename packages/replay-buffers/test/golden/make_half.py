"""Half-precision bits of numbers, by struct's 'e' (IEEE 754 binary16, ties to even).

Run: python3 make_half.py > half.json    (Python 3.11, standard library only)
"""
import json
import random
import struct


def bits(x):
    return struct.unpack("<H", struct.pack("<e", x))[0]


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


rng = random.Random(1)
values = [0.0, -0.0, 1.0, -1.0, 65504.0, -65504.0, 65519.0, 2.0**-24, 2.0**-25, 1.5 * 2.0**-25, 3 * 2.0**-25,
          2.0**-14, 2.0**-14 - 2.0**-25, 1 / 3, 1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-11 + 2.0**-20]
values += [rng.choice([-1, 1]) * 2 ** rng.uniform(-26, 15.99) for _ in range(2000)]
values = [single(v) for v in values]
print(json.dumps({"tool": "Python 3.11 struct", "values": values, "bits": [bits(v) for v in values],
                  "back": [struct.unpack("<e", struct.pack("<H", bits(v)))[0] for v in values]}))
