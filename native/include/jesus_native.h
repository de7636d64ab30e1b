/* jesus_native: inference kernels behind one C ABI.
 *
 * Rules of this boundary
 *   - Every function that can fail returns a jn_status; no C++ exception crosses.
 *   - All structs are plain data of fixed layout; pointers in them are only read or written during the call.
 *   - A model is immutable once every row of it and of its adapters is loaded; it may then be shared by any number of executors.
 *   - An executor and a KV pool belong to one caller at a time (one forward call in flight).
 *   - The caller compares jn_abi_version() with JN_ABI_VERSION before anything else.
 *
 * Numerics (the profile that callers record)
 *   For every weight type the generic, AVX2 and AVX-512 kernels give bit-equal results, whatever the number of
 *   threads and whatever else is in the batch: sums run in the order of the columns, each output row has one
 *   chain of fused multiply-adds, reductions over a row fold 16 lanes in one fixed tree (8, 4, 2, 1), and the
 *   exponential, sine and cosine are this library's own.
 */
#ifndef JESUS_NATIVE_H
#define JESUS_NATIVE_H

#include <stdint.h>

#if defined(__GNUC__)
#define JN_API __attribute__((visibility("default")))
#else
#define JN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define JN_ABI_VERSION 3

/* Name of the arithmetic that all CPU kernels of this ABI version share. Changes whenever any result may. */
#define JN_NUMERICS "cpu-lane16-v3"

/* Positions in one KV block. */
#define JN_KV_BLOCK_POSITIONS 16

typedef int32_t jn_status;
enum {
    JN_OK = 0,
    JN_BAD_ARGUMENT = 1,      /* null, negative, out of range or inconsistent argument */
    JN_OUT_OF_MEMORY = 2,     /* the operating system refused memory or a thread */
    JN_UNSUPPORTED_ISA = 3,   /* this CPU (or this build) lacks the instruction set asked for */
    JN_UNSUPPORTED_TYPE = 4,  /* no kernel for this tensor type in this place */
    JN_LIMIT = 5,             /* more rows, sequences or blocks than the object was created for */
    JN_INCOMPLETE = 6,        /* the model lacks a tensor, or rows that were never loaded */
    JN_INTERNAL = 7           /* a broken invariant */
};

/* Instruction sets. AVX2 means AVX2 + FMA + F16C; AVX512 means F + BW + VL + DQ + VNNI. */
enum { JN_ISA_AUTO = 0, JN_ISA_GENERIC = 1, JN_ISA_AVX2 = 2, JN_ISA_AVX512 = 3 };

/* Tensor types, numbered as in GGUF. */
enum { JN_TYPE_F32 = 0, JN_TYPE_F16 = 1, JN_TYPE_Q8_0 = 8, JN_TYPE_BF16 = 30 };

/* Places of tensors in the graph. Layer tensors carry their layer, experts' their expert, the others 0. Which steps a
 * block has, its tensors say: all but the embedding and those that a step needs together may be absent.
 *
 *   a = ATTN_NORM(x), or x
 *   q, k, v = products of a, + bias;  Q_NORM, K_NORM over each head;  rotation
 *   b = ATTN_POST_NORM(ATTN_OUTPUT attention(q, k, v) + bias)
 *   x = ATTN_SUM_NORM(x + residual_scale b)
 *   f = FFN_NORM(x), or x
 *   c = FFN_DOWN act(FFN_GATE f + bias, FFN_UP f + bias) + bias; or, with a ROUTER, the weighted sum of the chosen
 *       experts, plus the shared expert times sigmoid(SHARED_ROUTER f) where it has one
 *   x = FFN_SUM_NORM(x + residual_scale FFN_POST_NORM(c))
 *
 * "F32" marks vectors: type F32, rows 1. */
enum {
    JN_SLOT_TOKEN_EMBEDDING = 0, /* [vocab][width] */
    JN_SLOT_OUTPUT = 1,          /* [vocab][width]; absent: the token embedding serves (tied) */
    JN_SLOT_OUTPUT_NORM = 2,     /* [1][width], F32 */
    JN_SLOT_ATTN_NORM = 3,       /* [1][width], F32 */
    JN_SLOT_ATTN_Q = 4,          /* [heads * head_dim][width] */
    JN_SLOT_ATTN_K = 5,          /* [kv_heads * head_dim][width] */
    JN_SLOT_ATTN_V = 6,          /* [kv_heads * head_dim][width] */
    JN_SLOT_ATTN_OUTPUT = 7,     /* [width][heads * head_dim] */
    JN_SLOT_FFN_NORM = 8,        /* [1][width], F32 */
    JN_SLOT_FFN_GATE = 9,        /* [ffn][width] */
    JN_SLOT_FFN_UP = 10,         /* [ffn][width] */
    JN_SLOT_FFN_DOWN = 11,       /* [width][ffn] */
    JN_SLOT_Q_BIAS = 12,         /* F32 [heads * head_dim] */
    JN_SLOT_K_BIAS = 13,         /* F32 [kv_heads * head_dim] */
    JN_SLOT_V_BIAS = 14,         /* F32 [kv_heads * head_dim] */
    JN_SLOT_ATTN_OUTPUT_BIAS = 15, /* F32 [width] */
    JN_SLOT_Q_NORM = 16,         /* F32 [head_dim], the same for all heads */
    JN_SLOT_K_NORM = 17,         /* F32 [head_dim] */
    JN_SLOT_ATTN_POST_NORM = 18, /* F32 [width] */
    JN_SLOT_FFN_POST_NORM = 19,  /* F32 [width] */
    JN_SLOT_SINKS = 20,          /* F32 [heads]: a score that takes part in each head's softmax and has no value */
    JN_SLOT_ROUTER = 21,         /* [experts][width] */
    JN_SLOT_ROUTER_BIAS = 22,    /* F32 [experts] */
    JN_SLOT_EXPERT_GATE = 23,    /* [expert_ffn][width], one for each expert */
    JN_SLOT_EXPERT_UP = 24,      /* [expert_ffn][width] */
    JN_SLOT_EXPERT_DOWN = 25,    /* [width][expert_ffn] */
    JN_SLOT_EXPERT_GATE_BIAS = 26, /* F32 [expert_ffn] */
    JN_SLOT_EXPERT_UP_BIAS = 27, /* F32 [expert_ffn] */
    JN_SLOT_EXPERT_DOWN_BIAS = 28, /* F32 [width] */
    JN_SLOT_SHARED_GATE = 29,    /* [shared_ffn][width] */
    JN_SLOT_SHARED_UP = 30,      /* [shared_ffn][width] */
    JN_SLOT_SHARED_DOWN = 31,    /* [width][shared_ffn] */
    JN_SLOT_SHARED_ROUTER = 32,  /* [1][width] */
    JN_SLOT_FFN_GATE_BIAS = 33,  /* F32 [ffn] */
    JN_SLOT_FFN_UP_BIAS = 34,    /* F32 [ffn] */
    JN_SLOT_FFN_DOWN_BIAS = 35,  /* F32 [width] */
    JN_SLOT_ATTN_NORM_BIAS = 36, /* F32 [width]; biases of norms belong to LayerNorm */
    JN_SLOT_FFN_NORM_BIAS = 37,  /* F32 [width] */
    JN_SLOT_OUTPUT_NORM_BIAS = 38, /* F32 [width] */
    JN_SLOT_POSITION_EMBEDDING = 39, /* [context][width] */
    JN_SLOT_TOKEN_TYPE_EMBEDDING = 40, /* [token_types][width] */
    JN_SLOT_EMBEDDING_NORM = 41, /* F32 [width] */
    JN_SLOT_EMBEDDING_NORM_BIAS = 42, /* F32 [width] */
    JN_SLOT_ATTN_SUM_NORM = 43,  /* F32 [width] */
    JN_SLOT_ATTN_SUM_NORM_BIAS = 44, /* F32 [width] */
    JN_SLOT_FFN_SUM_NORM = 45,   /* F32 [width] */
    JN_SLOT_FFN_SUM_NORM_BIAS = 46, /* F32 [width] */
    JN_SLOT_COUNT = 47
};

/* How rotary embedding pairs the dimensions of a head. */
enum {
    JN_ROPE_PAIRS = 0, /* (0,1) (2,3) ...: llama files */
    JN_ROPE_HALVES = 1 /* (0, n/2) (1, n/2+1) ...: NEOX style */
};

enum { JN_NORM_RMS = 0, JN_NORM_LAYER = 1 };

enum {
    JN_ACT_SWIGLU = 0,         /* silu(gate) * up */
    JN_ACT_GEGLU = 1,          /* gelu(gate) * up, gelu in its tanh form */
    JN_ACT_SWIGLU_LIMITED = 2, /* gate' sigmoid(alpha gate') (up' + 1), gate' = min(gate, limit), up' within +- limit */
    JN_ACT_GELU = 3            /* gelu(up) in its erf form; no gate */
};

/* From router scores to the weights of the experts_used highest; of equal scores the lower expert first. */
enum {
    JN_GATING_SOFTMAX_TOP = 0,            /* softmax over all, the highest as they are */
    JN_GATING_SOFTMAX_TOP_NORMALISED = 1, /* the same, divided by their sum */
    JN_GATING_TOP_SOFTMAX = 2             /* softmax over the highest */
};

/* Hyperparameters. Limits: layers <= 512, width and every ffn <= 131072, heads <= 1024, head_dim <= 512 and even,
 * vocab <= 4194304, context <= 16777216, ropes <= 8, experts <= 1024, experts_used <= 64, token_types <= 1024.
 * heads is a multiple of kv_heads, by at most 64. Scales are 1 when nothing is scaled, soft caps 0 when there are none. */
typedef struct jn_shape {
    int32_t layers;
    int32_t width;
    int32_t heads;
    int32_t kv_heads;
    int32_t head_dim;
    int32_t ffn;
    int32_t vocab;
    int32_t context;   /* positions run from 0 to context - 1 */
    int32_t rope_style;
    int32_t rope_count;    /* entries of the table that jn_model_create is given */
    int32_t norm_kind;
    int32_t activation;
    int32_t experts;       /* 0: no layer has a router */
    int32_t experts_used;
    int32_t expert_ffn;
    int32_t shared_ffn;    /* 0: no shared expert */
    int32_t gating;
    int32_t causal;        /* 0: an encoder; positions see all of their sequence, and no KV pool is used */
    int32_t token_types;
    float norm_epsilon;
    float attention_scale; /* 0: 1 / sqrt(head_dim) */
    float attention_soft_cap;
    float logit_soft_cap;
    float embedding_scale;
    float residual_scale;
    float logit_scale;
    float activation_alpha;
    float activation_limit;
    float expert_scale;    /* on the experts' weights, after the gating */
} jn_shape;

/* What differs between layers. */
typedef struct jn_layer {
    int32_t window; /* a position sees itself and the window - 1 before it; 0: all before it */
    int32_t rope;   /* which table rotates; -1: none */
} jn_layer;

/* Pair i turns by position * frequencies[i], |frequencies[i]| <= 64, and is multiplied by attention_factor. */
typedef struct jn_rope {
    const double* frequencies; /* [pairs] */
    double attention_factor;
    int32_t pairs;             /* 0 .. head_dim / 2 */
    int32_t reserved;          /* 0 */
} jn_rope;

/* One tensor that a model will hold: rows are the file's rows (its second dimension), cols its first. */
typedef struct jn_tensor {
    int32_t slot;
    int32_t layer;
    int32_t type;
    int32_t expert;
    int64_t rows;
    int64_t cols;
} jn_tensor;

/* A LoRA adapter's part beside one matrix W: for the rows of a batch whose adapter it is, y = W x + scale * up (down x),
 * x not quantised. Added after the matrix's bias. */
typedef struct jn_low_rank {
    int32_t adapter;   /* 1 .. JN_ADAPTERS_MAX */
    int32_t slot;      /* ATTN_Q, ATTN_K, ATTN_V, ATTN_OUTPUT, FFN_GATE, FFN_UP, FFN_DOWN or OUTPUT, where the model has that matrix */
    int32_t layer;
    int32_t rank;      /* 1 .. JN_RANK_MAX */
    int32_t down_type; /* of down [rank][columns of W]: F32, F16 or BF16 */
    int32_t up_type;   /* of up [rows of W][rank]: the same */
    float scale;
    int32_t reserved;  /* 0 */
} jn_low_rank;

/* A pass looks at each adapter that its rows name; a box serves dozens, and this many keep every table small. */
#define JN_ADAPTERS_MAX 256
/* Working memory is three times this many floats a row. Adapters are published with 4 to 128; with more than this, beside a
 * width of 2,048, the two products cost a quarter of the matrix itself, and merging them into the weights is the better way. */
#define JN_RANK_MAX 256

/* One forward pass over a batch. Rows of one sequence stand together, with positions that ascend by one. */
typedef struct jn_batch {
    int32_t rows;                  /* 1 .. max_rows of the executor */
    int32_t sequences;             /* 1 .. rows */
    const int32_t* tokens;         /* [rows] */
    const int32_t* positions;      /* [rows] */
    const int32_t* row_sequences;  /* [rows], 0 .. sequences - 1, never descending */
    const int32_t* blocks;         /* every sequence's block table, one after the other */
    const int32_t* block_starts;   /* [sequences + 1]: table i is blocks[block_starts[i] .. block_starts[i + 1]) */
    int32_t logit_row_count;       /* 0 .. rows */
    int32_t hidden_row_count;      /* 0 .. rows */
    const int32_t* logit_rows;     /* [logit_row_count], the batch rows that want logits */
    float* logits;                 /* [logit_row_count][logits_stride] */
    int64_t logits_stride;         /* floats; >= vocab rounded up to 16; the padding is written with zeros */
    const int32_t* hidden_rows;    /* [hidden_row_count], the batch rows whose hidden state is wanted */
    float* hidden;                 /* [hidden_row_count][width]: what the last norm gives, for embeddings */
    const int32_t* token_types;    /* [rows]; null: all 0 */
    const int32_t* row_adapters;   /* [rows], 0 or an adapter of jn_model_adapt; null: none at all */
} jn_batch;

typedef struct jn_model jn_model;
typedef struct jn_kv jn_kv;
typedef struct jn_executor jn_executor;

JN_API int32_t jn_abi_version(void);
JN_API const char* jn_status_text(jn_status status);
JN_API const char* jn_numerics(void);

/* The best instruction set of this CPU, or what JESUS_ISA=generic|avx2|avx512 asks for when the CPU has it. */
JN_API int32_t jn_isa_detect(void);
/* "generic", "avx2", "avx512", or "unknown". */
JN_API const char* jn_isa_name(int32_t isa);
/* 1 when this CPU and this build have it. */
JN_API int32_t jn_isa_available(int32_t isa);

/* Reserves memory for all tensors in the layout of the chosen instruction set. */
JN_API jn_status jn_model_create(const jn_shape* shape, const jn_layer* layers /* [shape->layers] */, const jn_rope* ropes /* [shape->rope_count] */,
                                 const jn_tensor* tensors, int32_t tensor_count, int32_t isa, jn_model** out);
/* Packs rows of tensor `index` (as listed at creation) from the file's own row format; `bytes` must be exactly
 * their size. Threads may load different tensors, or different multiples of 16 rows of one tensor, at once. */
JN_API jn_status jn_model_load(jn_model* model, int32_t index, int64_t first_row, int64_t rows, const void* data, uint64_t bytes);
/* Reserves memory for a model's adapters: once, before the model has an executor. The parts of one adapter name different matrices. */
JN_API jn_status jn_model_adapt(jn_model* model, const jn_low_rank* parts, int32_t count);
/* jn_model_load for part `index` as listed in jn_model_adapt; side 0: down, 1: up. */
JN_API jn_status jn_adapter_load(jn_model* model, int32_t index, int32_t side, int64_t first_row, int64_t rows, const void* data, uint64_t bytes);
/* Bytes of all adapters in memory. */
JN_API uint64_t jn_adapter_bytes(const jn_model* model);
/* JN_OK when every row was loaded. */
JN_API jn_status jn_model_check(const jn_model* model);
JN_API int32_t jn_model_isa(const jn_model* model);
/* Bytes of weights in memory, without adapters. */
JN_API uint64_t jn_model_bytes(const jn_model* model);
JN_API void jn_model_destroy(jn_model* model);

/* KV memory: blocks of JN_KV_BLOCK_POSITIONS positions, all layers; type F32, F16, or Q8_0 when head_dim is a
 * multiple of 32. Pages are touched on first use. */
JN_API uint64_t jn_kv_block_bytes(const jn_model* model, int32_t type);
JN_API jn_status jn_kv_create(const jn_model* model, int32_t type, int32_t blocks, jn_kv** out);
JN_API void jn_kv_destroy(jn_kv* kv);

/* Threads (the caller of jn_forward is one of them) and working memory for batches up to max_rows rows. */
JN_API jn_status jn_executor_create(const jn_model* model, int32_t threads, int32_t max_rows, jn_executor** out);
/* kv is null for an encoder, whose batches hold whole sequences from position 0 on and need no block tables. */
JN_API jn_status jn_forward(jn_executor* executor, jn_kv* kv, const jn_batch* batch);
/* After a pass whose logits are no numbers: runs the batch again on the calling thread and tells where the rows of the
 * batch's sequence first held such. 0 .. layers - 1: that block; layers: the output; -1: the embedding; -2: nowhere. */
JN_API jn_status jn_find_not_finite(jn_executor* executor, jn_kv* kv, const jn_batch* batch, int32_t sequence, int32_t* layer);
JN_API uint64_t jn_executor_bytes(const jn_executor* executor);
JN_API void jn_executor_destroy(jn_executor* executor);

/* In-place softmax of n floats, n >= 1, with the arithmetic of the kernels. */
JN_API jn_status jn_softmax(float* values, int32_t n);

/* What this machine can do, for benches: best of `repeats`. GB/s of reading `bytes` per thread; operations a second
 * (a multiply and an add are two) of the integer dot product, of fp32 FMA and of the dot product of bfloat16 pairs (0:
 * the CPU has none), in the instruction set given. */
typedef struct jn_probe_result {
    double read_gb_per_second;
    double int8_tops;
    double fp32_tflops;
    double bf16_tflops;
} jn_probe_result;
JN_API jn_status jn_probe(int32_t isa, int32_t threads, uint64_t bytes, int32_t repeats, jn_probe_result* out);

#ifdef __cplusplus
}
#endif
#endif
