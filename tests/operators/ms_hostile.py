"""com.microsoft: operands and attributes that do not fit. Each must end in an error, whether the shapes are known when
the model is loaded or only in the run."""
import numpy
from case import Case

U8, I8, F32, I32, I64 = numpy.uint8, numpy.int8, numpy.float32, numpy.int32, numpy.int64


def hostile():
    def zeros(*shape, dtype=F32):
        return numpy.zeros(shape, dtype)
    one, q = F32(1), U8(0)
    x = zeros(2, 3, 8)

    yield "pad_count", "Pad", [x, I64([1, 1])], {}
    yield "pad_huge", "Pad", [x, I64([2**62] * 6)], {}
    yield "pad_negative", "Pad", [x, I64([-9, 0, 0, 0, 0, 0])], {}
    yield "range_zero_step", "Range", [F32(0), F32(1), F32(0)], {}
    yield "range_vector", "Range", [zeros(2), F32(1)], {}
    yield "trilu_vector", "Trilu", [zeros(4)], {}
    yield "unique_matrix", "Unique", [zeros(2, 2)], {}, 3
    yield "expand_dims_far", "ExpandDims", [x, I32(9)], {}
    yield "expand_dims_negative", "ExpandDims", [x, I32(-9)], {}
    yield "cdist_lengths", "CDist", [zeros(2, 3), zeros(2, 4)], {}
    yield "cdist_rank", "CDist", [zeros(2, 3, 3), zeros(2, 3)], {}
    yield "cdist_metric", "CDist", [zeros(2, 3), zeros(2, 3)], {"metric": "hamming"}
    yield "gather_nd_far", "GatherND", [x, I32([[2, 0]])], {}
    yield "gather_nd_negative", "GatherND", [x, I64([[0, 0, -9]])], {}
    yield "gather_nd_deep", "GatherND", [x, I64([[0, 0, 0, 0]])], {}
    yield "gather_nd_scalar", "GatherND", [x, I64(0)], {}
    words = numpy.array(["a b", "c"], object)
    token = {"mincharnum": 1, "mark": 0, "pad_value": "", "separators": [" "]}
    yield "tokenizer_rank", "Tokenizer", [words.reshape(1, 1, 2)], token
    yield "tokenizer_scalar", "Tokenizer", [words[0]], token
    yield "tokenizer_least", "Tokenizer", [words], token | {"mincharnum": 0}
    yield "tokenizer_letters", "Tokenizer", [words], token | {"mincharnum": 2, "separators": [""]}
    yield "tokenizer_pattern", "Tokenizer", [words], token | {"separators": [" ", "("]}
    yield "tokenizer_repeats", "Tokenizer", [words], token | {"separators": ["(((a{1000}){1000}){1000})"]}
    yield "tokenizer_nothing", "Tokenizer", [words], {"mincharnum": 1, "mark": 0, "pad_value": ""}
    yield "murmur_bool", "MurmurHash3", [zeros(2, dtype=bool)], {}
    yield "inverse_oblong", "Inverse", [zeros(2, 3)], {}
    yield "inverse_vector", "Inverse", [zeros(3)], {}
    yield "rfft_ndim", "Rfft", [zeros(4)], {"signal_ndim": 3}
    yield "rfft_no_ndim", "Rfft", [zeros(4)], {"signal_ndim": 0}
    yield "rfft_normalized", "Rfft", [zeros(4)], {"normalized": 1}
    yield "irfft_parts", "Irfft", [zeros(4, 3)], {"signal_ndim": 1}
    yield "rfft_empty", "Rfft", [zeros(2, 0)], {}
    yield "bias_add_length", "BiasAdd", [x, zeros(7), x], {}
    yield "bias_add_skip", "BiasAdd", [x, zeros(8), zeros(2, 3, 9)], {}
    yield "bias_split_odd", "BiasSplitGelu", [zeros(2, 7), zeros(7)], {}
    yield "fast_gelu_bias", "FastGelu", [x, zeros(9)], {}
    yield "fused_matmul_inner", "FusedMatMul", [zeros(2, 3, 4), zeros(2, 5, 6)], {"transA": 1}
    yield "fused_matmul_batch", "FusedMatMul", [zeros(4, 2, 5), zeros(3, 5, 6)], {"transBatchA": 1}
    yield "fused_gemm_activation", "FusedGemm", [zeros(2, 3), zeros(3, 4)], {"activation": "Nothing"}
    yield "skip_norm_skip", "SkipLayerNormalization", [x, zeros(2, 3, 9), zeros(8)], {}
    yield "skip_norm_gamma", "SkipSimplifiedLayerNormalization", [x, x, zeros(9)], {}
    yield "group_norm_groups", "GroupNorm", [zeros(1, 2, 2, 6), zeros(6), zeros(6)], {"groups": 4, "activation": 0}
    yield "group_norm_none", "GroupNorm", [zeros(1, 2, 2, 6), zeros(6), zeros(6)], {"groups": 0, "activation": 0}
    yield "group_norm_activation", "GroupNorm", [zeros(1, 2, 2, 6), zeros(6), zeros(6)], {"groups": 3, "activation": 7}
    yield "group_norm_gamma", "GroupNorm", [zeros(1, 2, 2, 6), zeros(5), zeros(6)], {"groups": 3, "activation": 1}
    yield "nhwc_conv_channels", "NhwcConv", [zeros(1, 5, 5, 3), zeros(2, 4, 3, 3)], {}
    yield "nhwc_conv_rank", "NhwcConv", [zeros(1, 3), zeros(2, 3, 1, 1)], {}
    yield "nhwc_fused_conv_sum", "NhwcFusedConv", [zeros(1, 5, 5, 3), zeros(2, 3, 3, 3), None, zeros(1, 3, 3, 3)], {}
    yield "nhwc_max_pool_kernel", "NhwcMaxPool", [zeros(1, 5, 5, 3, dtype=U8)], {"kernel_shape": [9, 9]}
    yield "nhwc_max_pool_rank", "NhwcMaxPool", [zeros(1, 5, 3, dtype=U8)], {"kernel_shape": [2, 2]}

    b = zeros(2, 3, dtype=U8)
    yield "qlinear_add_shapes", "QLinearAdd", [b, one, q, zeros(2, 4, dtype=U8), one, q, one, q], {}
    yield "qlinear_add_scales", "QLinearAdd", [b, F32([1, 1]), q, b, one, q, one, q], {}
    yield "qlinear_mul_zeros", "QLinearMul", [b, one, U8([1, 2]), b, one, q, one, q], {}
    yield "qlinear_sigmoid_scales", "QLinearSigmoid", [b, F32([1, 1]), q, one, q], {}
    yield "qlinear_softmax_axis", "QLinearSoftmax", [b, one, q, one, q], {"opset": 13, "axis": 5}
    yield "qlinear_concat_count", "QLinearConcat", [one, q, b, one], {"axis": 0}
    yield "qlinear_concat_axis", "QLinearConcat", [one, q, b, one, q], {"axis": 4}
    yield "qlinear_concat_shapes", "QLinearConcat", [one, q, b, one, q, zeros(2, 4, dtype=U8), one, q], {"axis": 0}
    yield "qlinear_concat_type", "QLinearConcat", [one, q, zeros(2, 3, dtype=I8), one, I8(0)], {"axis": 0}
    yield "qlinear_concat_float", "QLinearConcat", [one, q, zeros(2, 3), one, q], {"axis": 0}
    yield "qlinear_where_shapes", "QLinearWhere", [zeros(2, 3, dtype=bool), b, one, q, zeros(2, 4, dtype=U8), one, q, one, q], {}
    yield "qlinear_pool_kernel", "QLinearAveragePool", [zeros(1, 1, 3, 3, dtype=U8), one, q, one, q], {"kernel_shape": [4, 4]}
    yield "qlinear_reduce_axis", "QLinearReduceMean", [b, one, q, one, q], {"axes": [3], "keepdims": 1}

    a8, b8 = zeros(2, 4, dtype=U8), zeros(4, 3, dtype=U8)
    yield "to_float_inner", "MatMulIntegerToFloat", [a8, zeros(5, 3, dtype=U8), one, one], {}
    yield "to_float_bias", "MatMulIntegerToFloat", [a8, b8, one, one, None, None, zeros(4)], {}
    yield "to_float_scales", "MatMulIntegerToFloat", [a8, b8, one, zeros(2)], {}
    yield "dynamic_zero", "DynamicQuantizeMatMul", [zeros(2, 4), b8, one, zeros(2, dtype=U8)], {}
    yield "qgemm_rank", "QGemm", [zeros(1, 2, 4, dtype=U8), one, q, b8, one, q, None, one, q], {}
    yield "qgemm_c", "QGemm", [a8, one, q, b8, one, q, zeros(5, dtype=I32), one, q], {}
    yield "qgemm_inner", "QGemm", [a8, one, q, b8, one, q, None, one, q], {"transB": 1}
    yield "qgemm_scales", "QGemm", [a8, one, q, b8, zeros(2), q, None, one, q], {}

    nbits = {"K": 64, "N": 4, "bits": 4, "block_size": 32}
    a, codes, scales = zeros(2, 64), zeros(4, 2, 16, dtype=U8), zeros(4, 2)
    yield "nbits_k", "MatMulNBits", [zeros(2, 63), codes, scales], nbits
    yield "nbits_codes", "MatMulNBits", [a, zeros(4, 2, 15, dtype=U8), scales], nbits
    yield "nbits_scales", "MatMulNBits", [a, codes, zeros(4, 3)], nbits
    yield "nbits_zeros", "MatMulNBits", [a, codes, scales, zeros(4, 2, dtype=U8)], nbits
    yield "nbits_groups", "MatMulNBits", [a, codes, scales, None, numpy.full(64, 2, I32)], nbits
    yield "nbits_groups_negative", "MatMulNBits", [a, codes, scales, None, numpy.full(64, -1, I32)], nbits
    yield "nbits_groups_few", "MatMulNBits", [a, codes, scales, None, zeros(3, dtype=I32)], nbits
    yield "nbits_bias", "MatMulNBits", [a, codes, scales, None, None, zeros(5)], nbits
    for name, value in (("bits", 3), ("bits", 0), ("block_size", 0), ("block_size", 24), ("block_size", 8), ("K", 0),
                        ("N", -1), ("K", 2**40), ("N", 2**62)):
        yield f"nbits_{name}_{value}", "MatMulNBits", [a, codes, scales], nbits | {name: value}
    bnb = {"K": 32, "N": 2, "block_size": 16, "quant_type": 1}
    yield "bnb4_codes", "MatMulBnb4", [zeros(1, 32), zeros(31, dtype=U8), zeros(4)], bnb
    yield "bnb4_absmax", "MatMulBnb4", [zeros(1, 32), zeros(32, dtype=U8), zeros(3)], bnb
    yield "bnb4_type", "MatMulBnb4", [zeros(1, 32), zeros(32, dtype=U8), zeros(4)], bnb | {"quant_type": 2}
    yield "bnb4_block", "MatMulBnb4", [zeros(1, 32), zeros(32, dtype=U8), zeros(4)], bnb | {"block_size": 12}
    gather = {"block_size": 16, "quantize_axis": 1}
    data = zeros(4, 16, dtype=U8)
    yield "gather_scales", "GatherBlockQuantized", [data, I64([0]), zeros(4, 3)], gather
    yield "gather_zeros", "GatherBlockQuantized", [data, I64([0]), zeros(4, 2), zeros(4, 2, dtype=U8)], gather
    yield "gather_axis", "GatherBlockQuantized", [data, I64([0]), zeros(4, 2)], gather | {"gather_axis": 1}
    yield "gather_far_axis", "GatherBlockQuantized", [data, I64([0]), zeros(4, 2)], gather | {"gather_axis": 7}
    yield "gather_quantize_axis", "GatherBlockQuantized", [data, I64([0]), zeros(4, 2)], gather | {"quantize_axis": -5}
    yield "gather_block", "GatherBlockQuantized", [data, I64([0]), zeros(4, 2)], gather | {"block_size": 17}
    yield "gather_no_block", "GatherBlockQuantized", [data, I64([0]), zeros(4, 2)], gather | {"block_size": 0}
    yield "gather_bits", "GatherBlockQuantized", [data, I64([0]), zeros(4, 2)], gather | {"bits": 5}
    yield "gather_scalar", "GatherBlockQuantized", [U8(0), I64([0]), F32(0)], gather

    caches = [zeros(8, 4), zeros(8, 4)]
    ids = zeros(2, 3, dtype=I64)
    yield "rotary_position", "RotaryEmbedding", [x, ids + 8, *caches], {}
    yield "rotary_negative", "RotaryEmbedding", [x, I64([-1]), *caches], {}
    yield "rotary_first", "RotaryEmbedding", [x, I64([6]), *caches], {}
    yield "rotary_overflow", "RotaryEmbedding", [x, I64([2**63 - 1]), *caches], {}
    yield "rotary_ids", "RotaryEmbedding", [x, zeros(2, 2, dtype=I64), *caches], {}
    yield "rotary_heads", "RotaryEmbedding", [x, ids, *caches], {"num_heads": 3}
    yield "rotary_dim", "RotaryEmbedding", [x, ids, *caches], {"num_heads": 1, "rotary_embedding_dim": 16}
    yield "rotary_caches", "RotaryEmbedding", [x, ids, zeros(8, 4), zeros(8, 3)], {}

    streams, section = zeros(3, 2, 3, dtype=I64), {"mrope_section": [2, 1, 1], "num_heads": 1}
    yield "mrotary_position", "MRotaryEmbedding", [x, streams + 8, *caches], section
    yield "mrotary_negative", "MRotaryEmbedding", [x, streams - 1, *caches], section
    yield "mrotary_streams", "MRotaryEmbedding", [x, zeros(2, 2, 3, dtype=I64), *caches], section
    yield "mrotary_one", "MRotaryEmbedding", [x, I64([0]), *caches], section
    yield "mrotary_sum", "MRotaryEmbedding", [x, streams, *caches], section | {"mrope_section": [2, 1, 2]}
    yield "mrotary_section", "MRotaryEmbedding", [x, streams, *caches], section | {"mrope_section": [4, 1, -1]}
    yield "mrotary_sections", "MRotaryEmbedding", [x, streams, *caches], section | {"mrope_section": [2, 2]}
    yield "mrotary_layout", "MRotaryEmbedding", [x, streams, *caches], section | {"mrope_layout": 2}
    yield "gated_add_gate", "GatedAdd", [x, x, zeros(2, 3, 2)], {}
    yield "gated_add_rows", "GatedAdd", [x, x, zeros(3, 1)], {}
    yield "gated_add_shape", "GatedAdd", [x, zeros(2, 3, 7), zeros(2, 3, 1)], {}
    yield "silu_scale", "ScaledSiLU", [x, zeros(1)], {}
    yield "attention_gate_bias", "LinearAttentionGate", [x, zeros(7), zeros(8)], {}
    yield "attention_gate_scale", "LinearAttentionGate", [x, zeros(8), zeros(9)], {}
    yield "attention_gate_b", "LinearAttentionGate", [x, zeros(8), zeros(8), zeros(2, 3, 7)], {}, 2
    yield "attention_gate_no_b", "LinearAttentionGate", [x, zeros(8), zeros(8)], {}, 2
    yield "gated_norm_parts", "GatedRMSNorm", [x, zeros(3), x], {}
    yield "gated_norm_none", "GatedRMSNorm", [x, zeros(0), x], {}
    yield "gated_norm_gate", "GatedRMSNorm", [x, zeros(8), zeros(2, 3, 4)], {}
    yield "gated_norm_activation", "GatedRMSNorm", [x, zeros(8), x], {"activation": "relu"}
    yield "branch_norm_count", "BranchwiseRMSNorm", [x, zeros(8)], {"num_branches": 3}
    yield "branch_norm_negative", "BranchwiseRMSNorm", [x, zeros(8)], {"num_branches": -1}
    yield "branch_norm_scale", "BranchwiseRMSNorm", [x, zeros(1, 8)], {}
    yield "branch_norm_vector", "BranchwiseRMSNorm", [zeros(8), zeros(8)], {}
    lin = {"q_num_heads": 2, "kv_num_heads": 2, "update_rule": "linear"}
    yield "linear_heads", "LinearAttention", [x, x, x], lin | {"q_num_heads": 3}, 2
    yield "linear_shared", "LinearAttention", [zeros(1, 3, 12), zeros(1, 3, 8), x[:1]], lin | {"q_num_heads": 3}, 2
    yield "linear_window", "LinearAttention", [x, x, x], lin | {"state_window": 9}, 2
    yield "linear_window_past", "LinearAttention", [x, x, x, zeros(3, 2, 2, 4, 4)], lin | {"state_window": 2}, 2
    yield "linear_past", "LinearAttention", [x, x, x, zeros(2, 2, 2, 4, 4)], lin, 2
    yield "linear_no_beta", "LinearAttention", [x, x, x], lin | {"update_rule": "delta"}, 2
    yield "pre_mix_gates", "HyperConnectionPreMix", [x, zeros(2, 4)], {}
    yield "pre_mix_rows", "HyperConnectionPreMix", [x, zeros(3, 3)], {}
    yield "pre_mix_flat", "HyperConnectionPreMix", [x, zeros(2, 24)], {}
    yield "pre_mix_branches", "HyperConnectionPreMix", [x, zeros(2, 3, 3)], {"num_branches": 3}
    yield "pre_mix_negative", "HyperConnectionPreMix", [x, zeros(2, 3)], {"num_branches": -1}
    yield "pre_mix_vector", "HyperConnectionPreMix", [zeros(8), zeros(8)], {}
    yield "post_mix_block", "HyperConnectionPostMix", [x, zeros(2, 7), zeros(2, 3)], {}
    yield "post_mix_matrix", "HyperConnectionPostMix", [x, zeros(2, 8), zeros(2, 3), zeros(3, 3)], {}
    k4, s2 = zeros(1, 2, 3, 4), zeros(3, 4)
    yield "engram_query", "EngramGate", [k4, zeros(1, 2, 3, 5), zeros(1, 2, 4), s2, s2], {}
    yield "engram_value", "EngramGate", [k4, k4, zeros(1, 2, 5), s2, s2], {}
    yield "engram_scale", "EngramGate", [k4, k4, zeros(1, 2, 4), zeros(12), s2], {}
    yield "engram_conv", "EngramGate", [k4, k4, zeros(1, 2, 4), s2, s2], {}, 2
    yield "engram_rank", "EngramGate", [x, x, zeros(2, 3), s2, s2], {}
    yield "unfold_large", "UnfoldTensor", [x], {"size": 9}
    yield "unfold_none", "UnfoldTensor", [x], {"size": 0}
    yield "unfold_huge", "UnfoldTensor", [x], {"size": 2**63 - 1}
    yield "unfold_step", "UnfoldTensor", [x], {"size": 2, "step": 0}
    yield "unfold_dim", "UnfoldTensor", [x], {"size": 2, "dim": 3}
    yield "unfold_scalar", "UnfoldTensor", [F32(1)], {"size": 1}
    yield "warping_stack", "DynamicTimeWarping", [zeros(2, 3, 4)], {}
    yield "warping_vector", "DynamicTimeWarping", [zeros(4)], {}
    ids = zeros(2, 4, dtype=I64)
    yield "ngram_block_token", "NGramRepeatBlock", [ids + 8, zeros(2, 8)], {"ngram_size": 2}
    yield "ngram_block_negative", "NGramRepeatBlock", [ids - 1, zeros(2, 8)], {"ngram_size": 1}
    yield "ngram_block_rows", "NGramRepeatBlock", [ids, zeros(3, 8)], {"ngram_size": 2}
    yield "ngram_block_rank", "NGramRepeatBlock", [ids[0], zeros(4, 8)], {"ngram_size": 2}
    yield "ngram_block_size", "NGramRepeatBlock", [ids, zeros(2, 8)], {"ngram_size": 0}
    w3 = zeros(3, 1, 4)
    yield "causal_channels", "CausalConvWithState", [x, zeros(4, 1, 4)], {}, 2
    yield "causal_last", "CausalConvWithState", [zeros(2, 3, 2, 2), zeros(5, 1, 4)], {"channels_last": 1}, 2
    yield "causal_rank", "CausalConvWithState", [zeros(2, 3, 2, 2), w3], {}, 2
    yield "causal_bias", "CausalConvWithState", [x, w3, zeros(4)], {}, 2
    yield "causal_bias_last", "CausalConvWithState", [zeros(2, 3, 1, 3), w3, zeros(4)], {"channels_last": 1}, 2
    yield "causal_past", "CausalConvWithState", [x, w3, None, zeros(2, 3, 4)], {}, 2
    yield "causal_window", "CausalConvWithState", [x, w3, None, zeros(3, 2, 3, 3)], {"state_window": 2}, 2
    yield "causal_dilation", "CausalConvWithState", [x, w3], {"dilation": 0}, 2
    yield "causal_dilation_huge", "CausalConvWithState", [x, w3], {"dilation": 2**62}, 2
    yield "causal_dilation_large", "CausalConvWithState", [x, w3], {"dilation": 2**31}, 2
    yield "causal_ndim", "CausalConvWithState", [x, w3], {"ndim": 4}, 2
    yield "causal_empty", "CausalConvWithState", [x, zeros(3, 1, 0)], {}, 2

    mha = {"num_heads": 2}
    yield "mha_heads", "MultiHeadAttention", [x, x, x], {"num_heads": 3}
    yield "mha_no_heads", "MultiHeadAttention", [x, x, x], {"num_heads": 0}
    yield "mha_many_heads", "MultiHeadAttention", [x, x, x], {"num_heads": 2**62}
    yield "mha_batch", "MultiHeadAttention", [x, zeros(3, 3, 8), zeros(3, 3, 8)], mha
    yield "mha_lengths", "MultiHeadAttention", [x, x, zeros(2, 4, 8)], mha
    yield "mha_no_value", "MultiHeadAttention", [x, x], mha
    yield "mha_no_key", "MultiHeadAttention", [x], mha
    yield "mha_bias", "MultiHeadAttention", [x, x, x, zeros(23)], mha
    yield "mha_mask", "MultiHeadAttention", [x, x, x, None, zeros(2, 4, dtype=I32)], mha
    yield "mha_mask_batch", "MultiHeadAttention", [x, x, x, None, zeros(3, dtype=I32)], mha
    yield "mha_mask_rank", "MultiHeadAttention", [x, x, x, None, zeros(2, 1, 3, 3, dtype=I32)], mha
    yield "mha_extra", "MultiHeadAttention", [x, x, x, None, None, zeros(2, 2, 3, 4)], mha
    yield "mha_past", "MultiHeadAttention", [x, x, x, None, None, None, zeros(2, 2, 5, 3), zeros(2, 2, 5, 4)], mha
    yield "mha_half_past", "MultiHeadAttention", [x, x, x, None, None, None, zeros(2, 2, 5, 4)], mha
    yield "mha_packed", "MultiHeadAttention", [zeros(2, 3, 2, 2, 4)], mha
    w, bias = zeros(8, 24), zeros(24)
    yield "attention_weights", "Attention", [x, zeros(7, 24), bias], mha
    yield "attention_columns", "Attention", [x, zeros(8, 25), zeros(25)], mha
    yield "attention_bias", "Attention", [x, w, zeros(23)], mha
    yield "attention_heads", "Attention", [x, w, bias], {"num_heads": 3}
    yield "attention_past", "Attention", [x, w, bias, None, zeros(3, 2, 2, 1, 4)], mha
    yield "attention_sizes", "Attention", [x, w, bias], mha | {"qkv_hidden_sizes": [8, 8]}
    yield "attention_sizes_negative", "Attention", [x, w, bias], mha | {"qkv_hidden_sizes": [-8, -8, 8]}
    yield "attention_mask", "Attention", [x, w, bias, zeros(2, 3, 4, dtype=I32)], mha
    qx, qw = zeros(2, 3, 8, dtype=U8), zeros(8, 24, dtype=U8)
    yield "qattention_scales", "QAttention", [qx, qw, bias, zeros(2), one], mha
    yield "qattention_weight_scales", "QAttention", [qx, qw, bias, one, zeros(5)], mha
    yield "qattention_weight_zeros", "QAttention", [qx, qw, bias, one, one, None, q, zeros(5, dtype=U8)], mha
    gqa = {"num_heads": 2, "kv_num_heads": 1}
    query, key = zeros(1, 1, 8), zeros(1, 1, 4)
    past = [zeros(1, 1, 4, 4)] * 2
    last, total = I32([4]), I32(5)
    yield "gqa_heads", "GroupQueryAttention", [query, key, key, None, None, I32([0]), I32(1)], {"num_heads": 3, "kv_num_heads": 2}, 3
    yield "gqa_no_heads", "GroupQueryAttention", [query, key, key, None, None, I32([0]), I32(1)], {"num_heads": 2, "kv_num_heads": 0}, 3
    yield "gqa_size", "GroupQueryAttention", [query, zeros(1, 1, 5), key, None, None, I32([0]), I32(1)], gqa, 3
    yield "gqa_packed", "GroupQueryAttention", [zeros(1, 1, 9), None, None, None, None, I32([0]), I32(1)], gqa, 3
    yield "gqa_length", "GroupQueryAttention", [query, key, key, *past, I32([9]), total], gqa, 3
    yield "gqa_negative", "GroupQueryAttention", [query, key, key, *past, I32([-5]), total], gqa, 3
    yield "gqa_total", "GroupQueryAttention", [query, key, key, *past, last, I32(-5)], gqa, 3
    yield "gqa_total_many", "GroupQueryAttention", [query, key, key, *past, last, I32([5, 5])], gqa, 3
    yield "gqa_cache", "GroupQueryAttention", [query, key, key, *past, I32([7]), I32(8)], gqa, 3
    yield "gqa_samples", "GroupQueryAttention", [query, key, key, *past, I32([4, 4]), total], gqa, 3
    yield "gqa_past", "GroupQueryAttention", [query, key, key, zeros(1, 1, 4, 5), zeros(1, 1, 4, 4), last, total], gqa, 3
    yield "gqa_no_caches", "GroupQueryAttention", [query, key, key, *past, last, total], gqa | {"do_rotary": 1}, 3
    yield "gqa_short_caches", "GroupQueryAttention", [query, key, key, *past, last, total, zeros(4, 2), zeros(4, 2)], gqa | {"do_rotary": 1}, 3
    yield "gqa_positions", "GroupQueryAttention", [query, key, key, *past, last, total, zeros(9, 2), zeros(9, 2), I64([[9]])], gqa | {"do_rotary": 1}, 3
    yield "gqa_bias", "GroupQueryAttention", [query, key, key, *past, last, total, None, None, None, zeros(1, 2, 1, 3)], gqa, 3
    yield "gqa_sinks", "GroupQueryAttention", [query, key, key, *past, last, total, *[None] * 4, zeros(3)], gqa, 3
    yield "gqa_window", "GroupQueryAttention", [query, key, key, *past, last, total], gqa | {"causal": 0, "local_window_size": 2}, 3

    codes = [zeros(1, 1, 4, 4, dtype=I8)] * 2
    coded = gqa | {"k_quant_type": "PER_TENSOR", "v_quant_type": "PER_TENSOR", "kv_cache_bit_width": 8}
    behind = [query, key, key, *codes, last, total, *[None] * 5]
    yield "gqa_codes_scale", "GroupQueryAttention", [*behind, zeros(2), zeros(1)], coded, 3
    yield "gqa_codes_channels", "GroupQueryAttention", [*behind, zeros(1), zeros(1)], coded | {"k_quant_type": "PER_CHANNEL"}, 3
    yield "gqa_codes_no_scale", "GroupQueryAttention", behind, coded, 3
    yield "gqa_codes_one", "GroupQueryAttention", [*behind, zeros(1), zeros(1)], coded | {"v_quant_type": "NONE"}, 3
    yield "gqa_codes_bits", "GroupQueryAttention", [*behind, zeros(1), zeros(1)], coded | {"kv_cache_bit_width": 5}, 3
    yield "gqa_codes_type", "GroupQueryAttention", [query, key, key, *past, last, total, *[None] * 5, zeros(1), zeros(1)], coded, 3
    yield "gqa_codes_half", "GroupQueryAttention", [*behind, zeros(1), zeros(1)], coded | {"kv_cache_bit_width": 4}, 3
    yield "gqa_codes_odd", "GroupQueryAttention", [zeros(1, 1, 6), zeros(1, 1, 3), zeros(1, 1, 3), None, None, I32([0]), I32(1),
                                                   *[None] * 5, zeros(1), zeros(1)], coded | {"kv_cache_bit_width": 4}, 3
    yield "gqa_codes_none", "GroupQueryAttention", [*behind, zeros(1), zeros(1)], gqa, 3
    slides = gqa | {"sliding_window_cache": 1, "local_window_size": 3}
    yield "gqa_slide_room", "GroupQueryAttention", [query, key, key, *past, last, total], slides | {"local_window_size": 5}, 3
    yield "gqa_slide_window", "GroupQueryAttention", [query, key, key, *past, last, total], slides | {"local_window_size": -1}, 3
    yield "gqa_slide_no_past", "GroupQueryAttention", [query, key, key, None, None, last, total], slides, 3
    yield "gqa_slide_length", "GroupQueryAttention", [query, key, key, *past, I32([9]), total], slides, 3
    yield "gqa_slide_negative", "GroupQueryAttention", [query, key, key, *past, I32([-3]), I32(9)], slides, 3
    yield "gqa_slide_qk", "GroupQueryAttention", [query, key, key, *past, last, total], slides | {"qk_output": 1}, 4
    yield "gqa_slide_bias", "GroupQueryAttention", [query, key, key, *past, last, total, *[None] * 3, zeros(1, 1, 1, 5)], slides, 3
    yield "gqa_norm_one", "GroupQueryAttention", [query, key, key, *past, last, total, *[None] * 7, zeros(4)], gqa, 3
    yield "gqa_norm_size", "GroupQueryAttention", [query, key, key, *past, last, total, *[None] * 7, zeros(4), zeros(5)], gqa, 3

    moe = {"k": 1}
    w1, w2 = zeros(3, 6, 4), zeros(3, 4, 6)
    yield "moe_k", "MoE", [zeros(2, 4), zeros(2, 3), w1, None, w2], {"k": 4}
    yield "moe_no_k", "MoE", [zeros(2, 4), zeros(2, 3), w1, None, w2], {"k": 0}
    yield "moe_router", "MoE", [zeros(2, 4), zeros(3, 3), w1, None, w2], moe
    yield "moe_experts", "MoE", [zeros(2, 4), zeros(2, 3), w1, None, zeros(2, 4, 6)], moe
    yield "moe_hidden", "MoE", [zeros(2, 5), zeros(2, 3), w1, None, w2], moe
    yield "moe_bias", "MoE", [zeros(2, 4), zeros(2, 3), w1, zeros(3, 5), w2], moe
    yield "moe_swiglu", "MoE", [zeros(2, 4), zeros(2, 3), w1, None, w2], moe | {"activation_type": "swiglu"}
    yield "moe_swiglu_odd", "MoE", [zeros(2, 4), zeros(2, 3), zeros(3, 7, 4), None, w2], moe | {"activation_type": "swiglu", "swiglu_fusion": 1}
    yield "moe_activation", "MoE", [zeros(2, 4), zeros(2, 3), w1, None, w2], moe | {"activation_type": "tanh"}
    q1, q2, s1, s2 = zeros(3, 32, 8, dtype=U8), zeros(3, 16, 16, dtype=U8), zeros(3, 32), zeros(3, 16)
    x16, r3 = zeros(2, 16), zeros(2, 3)
    yield "qmoe_scales", "QMoE", [x16, r3, q1, zeros(3, 31), None, q2, s2], moe
    yield "qmoe_no_scales", "QMoE", [x16, r3, q1, None, None, q2, s2], moe
    yield "qmoe_bits", "QMoE", [x16, r3, q1, s1, None, q2, s2], moe | {"expert_weight_bits": 8}
    yield "qmoe_other_bits", "QMoE", [x16, r3, q1, s1, None, q2, s2], moe | {"expert_weight_bits": 3}
    yield "qmoe_block", "QMoE", [x16, r3, q1, zeros(3, 32, 1), None, q2, zeros(3, 16, 1)], moe | {"block_size": 32}
    yield "qmoe_zeros", "QMoE", [x16, r3, q1, s1, None, q2, s2, *[None] * 4, zeros(3, 15, dtype=U8)], moe
    yield "qmoe_router_weights", "QMoE", [x16, r3, q1, s1, None, q2, s2, *[None] * 7, zeros(2, 4)], moe
    dirs = [F32([1]), U8([0]), F32([1]), U8([0])]
    lstm = [zeros(2, 1, 3), zeros(1, 3, 8, dtype=U8), zeros(1, 2, 8, dtype=U8), None, None, None, None, None]
    yield "lstm_weights", "DynamicQuantizeLSTM", [lstm[0], zeros(1, 4, 8, dtype=U8), *lstm[2:], *dirs], {"hidden_size": 2}, 3
    yield "lstm_scales", "DynamicQuantizeLSTM", [*lstm, F32([1, 1]), *dirs[1:]], {"hidden_size": 2}, 3
    yield "lstm_zeros", "DynamicQuantizeLSTM", [*lstm, dirs[0], zeros(1, 7, dtype=U8), *dirs[2:]], {"hidden_size": 2}, 3
    yield "lstm_lengths", "DynamicQuantizeLSTM", [*lstm[:4], I32([3]), *lstm[5:], *dirs], {"hidden_size": 2}, 3
    words, table, vector = zeros(1, 2, dtype=I32), zeros(3, 4), zeros(4)
    yield "embed_word", "EmbedLayerNormalization", [words + 3, None, table, table, None, vector, vector], {}, 2
    yield "embed_position", "EmbedLayerNormalization", [words, None, table, zeros(1, 4), None, vector, vector], {}, 2
    yield "embed_positions", "EmbedLayerNormalization", [words, None, table, table, None, vector, vector, None, I32([[0, 9]])], {}, 2
    yield "embed_no_segments", "EmbedLayerNormalization", [words, words, table, table, None, vector, vector], {}, 2


def cases(random):
    for name, op, inputs, attributes, *outputs in hostile():
        for fixed in (True, False):
            yield Case(f"{name}_{'load' if fixed else 'run'}", op, inputs, attributes, outputs=outputs[0] if outputs else 1,
                       fixed=fixed, hostile=True)
        constants = [i for i, x in enumerate(inputs) if x is not None and i > 0]
        yield Case(f"{name}_constants", op, inputs, attributes, outputs=outputs[0] if outputs else 1,
                   constants=constants, fixed=False, hostile=True)
