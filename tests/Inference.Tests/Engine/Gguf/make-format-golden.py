#!/usr/bin/env python3
"""Makes format-golden.bin: rows of random bytes in every weight format, and their values.

Written from the formats' published layouts alone, value by value (bit of column c lies where?), and shares no code with
the engine's readers, which walk bytes instead. Needs numpy. Run it in this folder; the file is committed.

File: for each format u32 type, u32 columns, u32 bytes, the row's bytes, then columns float32. Little-endian.
"""
import struct

import numpy as np

F = np.float32
IQ4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]


def half(block, at):
    return F(np.frombuffer(block[at:at + 2], "<f2")[0])


def nibble32(block, at, c):
    """32 columns in 16 bytes: the first 16 in the low halves, the last 16 in the high ones."""
    return block[at + c % 16] >> (4 * (c // 16)) & 15


def bit(block, at, i):
    return block[at + i // 8] >> (i % 8) & 1


def f32(b, c):
    return struct.unpack_from("<f", b)[0]


def f16(b, c):
    return half(b, 0)


def bf16(b, c):
    return struct.unpack("<f", b"\0\0" + bytes(b))[0]


def q4_0(b, c):
    return half(b, 0) * F(nibble32(b, 2, c) - 8)


def q4_1(b, c):
    return half(b, 0) * F(nibble32(b, 4, c)) + half(b, 2)


def q5_0(b, c):
    return half(b, 0) * F(nibble32(b, 6, c) + 16 * bit(b, 2, c) - 16)


def q5_1(b, c):
    return half(b, 0) * F(nibble32(b, 8, c) + 16 * bit(b, 4, c)) + half(b, 2)


def q8_0(b, c):
    return half(b, 0) * F(struct.unpack_from("b", b, 2 + c)[0])


def iq4_nl(b, c):
    return half(b, 0) * F(IQ4[nibble32(b, 2, c)])


def mxfp4(b, c):
    """OCP microscaling: 2 to the (scale - 127), times an E2M1 element."""
    return F(2.0 ** (b[0] - 127) * E2M1[nibble32(b, 1, c)])


def two_bits(block, at, c):
    """256 columns in 64 bytes: each 128 in 32 bytes, 32 columns to a pair of bits."""
    return block[at + c // 128 * 32 + c % 32] >> (2 * (c % 128 // 32)) & 3


def q2_k(b, c):
    scale = b[c // 16]
    return half(b, 80) * F(scale & 15) * F(two_bits(b, 16, c)) - half(b, 82) * F(scale >> 4)


def q3_k(b, c):
    i = c // 16
    low = b[96 + i % 8] >> (4 * (i // 8)) & 15
    high = b[104 + i % 4] >> (2 * (i // 4)) & 3
    code = two_bits(b, 32, c) + 4 * (b[c % 32] >> (c // 32) & 1) - 4
    return half(b, 108) * F((low | high << 4) - 32) * F(code)


def six_bit_pair(block, at, i):
    """The i-th of eight 6-bit scales and of eight 6-bit minima in 12 bytes."""
    if i < 4:
        return block[at + i] & 63, block[at + 4 + i] & 63
    return block[at + 4 + i] & 15 | block[at + i - 4] >> 6 << 4, block[at + 4 + i] >> 4 | block[at + i] >> 6 << 4


def nibble64(block, at, c):
    """256 columns in 128 bytes: each 64 in 32 bytes, the first 32 in the low halves."""
    return block[at + c // 64 * 32 + c % 32] >> (4 * (c % 64 // 32)) & 15


def q4_k(b, c):
    scale, least = six_bit_pair(b, 4, c // 32)
    return half(b, 0) * F(scale) * F(nibble64(b, 16, c)) - half(b, 2) * F(least)


def q5_k(b, c):
    scale, least = six_bit_pair(b, 4, c // 32)
    code = nibble64(b, 48, c) + 16 * (b[16 + c % 32] >> (c // 32) & 1)
    return half(b, 0) * F(scale) * F(code) - half(b, 2) * F(least)


def q6_k(b, c):
    part, within = c // 128, c % 128
    low = b[part * 64 + within % 64] >> (4 * (within // 64)) & 15
    high = b[128 + part * 32 + within % 32] >> (2 * (within // 32)) & 3
    return half(b, 208) * F(struct.unpack_from("b", b, 192 + c // 16)[0]) * F((low | high << 4) - 32)


def iq4_xs(b, c):
    i = c // 32
    scale = (b[4 + i // 2] >> (4 * (i % 2)) & 15 | (struct.unpack_from("<H", b, 2)[0] >> (2 * i) & 3) << 4) - 32
    return half(b, 0) * F(scale) * F(IQ4[nibble32(b[8 + i * 16:], 0, c % 32)])


# type: number in files, columns and bytes of a block, where 16-bit floats lie in it
FORMATS = [
    (f32, 0, 1, 4, []), (f16, 1, 1, 2, [0]), (bf16, 30, 1, 2, []), (q8_0, 8, 32, 34, [0]),
    (q4_0, 2, 32, 18, [0]), (q4_1, 3, 32, 20, [0, 2]), (q5_0, 6, 32, 22, [0]), (q5_1, 7, 32, 24, [0, 2]),
    (q2_k, 10, 256, 84, [80, 82]), (q3_k, 11, 256, 110, [108]), (q4_k, 12, 256, 144, [0, 2]), (q5_k, 13, 256, 176, [0, 2]),
    (q6_k, 14, 256, 210, [208]), (iq4_nl, 20, 32, 18, [0]), (iq4_xs, 23, 256, 136, [0]), (mxfp4, 39, 32, 17, []),
]
COLUMNS = 512


def main():
    random = np.random.default_rng(20261126)
    with open("format-golden.bin", "wb") as file:
        for value, number, columns, size, halves in FORMATS:
            row = b""
            values = []
            for start in range(0, COLUMNS, columns):
                block = bytearray(random.bytes(size))
                if value in (f32, bf16):
                    real = struct.pack("<f", float(random.standard_normal()))
                    block = bytearray(real if value is f32 else real[2:])
                for at in halves:
                    block[at:at + 2] = np.float16(random.standard_normal() * 0.05).tobytes()
                if value is mxfp4:
                    block[0] = [0, 1, 2, 127, 250][start // 32] if start < 160 else int(random.integers(100, 150))
                values += [value(bytes(block), c) for c in range(columns)]
                row += bytes(block)
            file.write(struct.pack("<III", number, COLUMNS, len(row)) + row + np.array(values, "<f4").tobytes())


main()
