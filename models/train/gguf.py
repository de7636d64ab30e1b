"""GGUF v3 files: writing one (F32 and Q8_0 tensors), and reading one back.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Rows of a matrix lie one after another; the file
gives the row length first (ne[0]), so a [rows, columns] array has the dimensions [columns, rows].
"""
import struct

import numpy as np

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
TYPE_F32, TYPE_Q8_0 = 0, 8
BLOCK = 32  # values of one Q8_0 block: a float16 scale and 32 signed bytes
_PACK = {U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<?", U64: "<Q", I64: "<q", F64: "<d"}


def quantize(matrix):
    """Q8_0 bytes of a float32 [rows, columns]: per 32 values the scale is max|x| / 127, values are rounded to nearest."""
    blocks = np.ascontiguousarray(matrix, dtype=np.float32).reshape(-1, BLOCK)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / 127
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    out = np.empty(len(blocks), dtype=[("scale", "<f2"), ("values", "i1", BLOCK)])
    out["scale"] = scale[:, 0].astype(np.float16)
    out["values"] = np.round(blocks * inverse).astype(np.int8)
    return out.tobytes()


def dequantize(data, shape):
    blocks = np.frombuffer(data, dtype=[("scale", "<f2"), ("values", "i1", BLOCK)])
    return (blocks["scale"].astype(np.float32)[:, None] * blocks["values"].astype(np.float32)).reshape(shape)


def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(kind, value):
    if kind == STRING:
        return _string(value)
    if kind == ARRAY:
        of, items = value
        return struct.pack("<IQ", of, len(items)) + b"".join(_value(of, item) for item in items)
    return struct.pack(_PACK[kind], value)


def write(path, metadata, tensors):
    """metadata: (key, type, value) rows, an array's value being (element type, items). tensors: (name, float32 array);
    matrices are stored as Q8_0, vectors as F32."""
    head = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(metadata))]
    head += [_string(key) + struct.pack("<I", kind) + _value(kind, value) for key, kind, value in metadata]
    bodies, offset = [], 0
    for name, array in tensors:
        kind, data = (TYPE_Q8_0, quantize(array)) if array.ndim == 2 else (TYPE_F32, array.astype("<f4").tobytes())
        head.append(_string(name) + struct.pack("<I", array.ndim) + b"".join(struct.pack("<Q", n) for n in reversed(array.shape)) + struct.pack("<IQ", kind, offset))
        data += bytes(-len(data) % ALIGNMENT)
        bodies.append(data)
        offset += len(data)
    start = b"".join(head)
    with open(path, "wb") as file:
        file.write(start + bytes(-len(start) % ALIGNMENT) + b"".join(bodies))


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value[0] if len(value) == 1 else value

    def string(self):
        size = self.take("<Q")
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            of, count = self.take("<IQ")
            return [self.value(of) for _ in range(count)]
        return self.take(_PACK[kind])


def read(path):
    """(metadata, tensors): tensors as float32 arrays, Q8_0 ones dequantised."""
    with open(path, "rb") as file:
        reader = _Reader(file.read())
    if reader.data[:4] != MAGIC:
        raise ValueError(f"{path} is no GGUF file: it does not begin with GGUF")
    reader.at = 4
    _, tensor_count, value_count = reader.take("<IQQ")
    metadata = {}
    for _ in range(value_count):
        key = reader.string()
        metadata[key] = reader.value(reader.take("<I"))
    rows = []
    for _ in range(tensor_count):
        name = reader.string()
        shape = tuple(reader.take("<Q") for _ in range(reader.take("<I")))[::-1]
        rows.append((name, shape, *reader.take("<IQ")))
    start = reader.at + -reader.at % ALIGNMENT
    tensors = {}
    for name, shape, kind, offset in rows:
        count, at = int(np.prod(shape)), start + offset
        if kind == TYPE_F32:
            tensors[name] = np.frombuffer(reader.data, "<f4", count, at).reshape(shape)
        elif kind == TYPE_Q8_0:
            tensors[name] = dequantize(reader.data[at:at + count // BLOCK * 34], shape)
        else:
            raise ValueError(f"{path}: tensor {name} has type {kind}; this reader knows F32 and Q8_0")
    return metadata, tensors
