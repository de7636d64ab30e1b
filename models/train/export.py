"""Writes a checkpoint as models/jesus-nano.gguf.

    python3 export.py --work DIR --out FILE
"""
import argparse
import os

import torch

import gguf
from chat import TEMPLATE
from network import Shape
from tokenizer import CONTROL, END_OF_TEXT, IM_END
from train import load_tokenizer

NORMAL, CONTROL_TYPE = 1, 3  # tokenizer.ggml.token_type
Q8_0_FILE = 7                # general.file_type: mostly Q8_0


def metadata(shape, tokenizer):
    count = len(tokenizer.tokens)
    types = [CONTROL_TYPE if i < len(CONTROL) else NORMAL for i in range(count)]
    return [
        ("general.architecture", gguf.STRING, "llama"),
        ("general.name", gguf.STRING, "jesus-nano"),
        ("general.description", gguf.STRING, "A small demonstration model: log lines, tool calls, short reports, small talk about the appliance."),
        ("general.license", gguf.STRING, "BUSL-1.1"),
        ("general.file_type", gguf.U32, Q8_0_FILE),
        ("general.quantization_version", gguf.U32, 2),
        ("llama.context_length", gguf.U32, shape.context),
        ("llama.embedding_length", gguf.U32, shape.width),
        ("llama.block_count", gguf.U32, shape.layers),
        ("llama.feed_forward_length", gguf.U32, shape.hidden),
        ("llama.attention.head_count", gguf.U32, shape.heads),
        ("llama.attention.head_count_kv", gguf.U32, shape.heads),
        ("llama.attention.layer_norm_rms_epsilon", gguf.F32, shape.epsilon),
        ("llama.rope.dimension_count", gguf.U32, shape.head),
        ("llama.rope.freq_base", gguf.F32, shape.rope_base),
        ("llama.vocab_size", gguf.U32, count),
        ("tokenizer.ggml.model", gguf.STRING, "gpt2"),
        ("tokenizer.ggml.pre", gguf.STRING, "qwen2"),
        ("tokenizer.ggml.tokens", gguf.ARRAY, (gguf.STRING, tokenizer.tokens)),
        ("tokenizer.ggml.token_type", gguf.ARRAY, (gguf.I32, types)),
        ("tokenizer.ggml.merges", gguf.ARRAY, (gguf.STRING, [f"{a} {b}" for a, b in tokenizer.merges])),
        ("tokenizer.ggml.bos_token_id", gguf.U32, END_OF_TEXT),
        ("tokenizer.ggml.eos_token_id", gguf.U32, IM_END),
        ("tokenizer.ggml.eot_token_id", gguf.U32, IM_END),
        ("tokenizer.ggml.padding_token_id", gguf.U32, END_OF_TEXT),
        ("tokenizer.ggml.add_bos_token", gguf.BOOL, False),
        ("tokenizer.chat_template", gguf.STRING, TEMPLATE),
    ]




def export(work, out):
    state = torch.load(os.path.join(work, "checkpoint.pt"), map_location="cpu")
    shape = Shape(**state["shape"])
    tokenizer = load_tokenizer(work, 0, shape.vocabulary)
    tensors = [(name, weight.numpy()) for name, weight in state["net"].items()]
    gguf.write(out, metadata(shape, tokenizer), tensors)
    print(f"{out}: step {state['step']}, {os.path.getsize(out)} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", required=True, help="folder of a training run")
    parser.add_argument("--out", required=True, help="the GGUF file to write")
    options = parser.parse_args()
    export(options.work, options.out)
