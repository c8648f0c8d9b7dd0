"""Networks of other people's libraries, with random weights: what exported.py exports.

ALL is a table: name -> function without arguments, that returns (module, inputs). Nothing is downloaded: torchvision and
timm make their networks without weights, transformers makes them of small configurations.
"""
import functools

import torch
from torch import nn

HEADS = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4, intermediate_size=96, vocab_size=120,
             max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2, image_size=64, patch_size=16, embedding_size=32)
SEQ2SEQ = dict(d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
               encoder_ffn_dim=96, decoder_ffn_dim=96, vocab_size=120, max_position_embeddings=64, pad_token_id=0,
               bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, forced_eos_token_id=None)
PICTURE = (1, 3, 64, 64)
ALL = {}


def picture(*shape):
    return torch.randn(*(shape or PICTURE))


def words(length=12, batch=1):
    return torch.randint(3, 100, (batch, length))


class Named(nn.Module):
    """A module of transformers that takes tensors by name, without a cache, and gives the tensors among its results."""

    def __init__(self, inner, names):
        super().__init__()
        self.inner, self.names = inner, names

    def forward(self, *values):
        options = {} if not hasattr(self.inner.config, "use_cache") else {"use_cache": False}
        return flat(self.inner(**dict(zip(self.names, values)), return_dict=False, **options))


class Cached(nn.Module):
    """A decoder that takes one word and the keys and values of those before, layer by layer, and gives them grown."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, ids, mask, *past):
        from transformers import DynamicCache
        cache = DynamicCache(config=self.inner.config)
        for k in range(len(past) // 2):
            cache.update(past[2 * k], past[2 * k + 1], k)
        logits = self.inner(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True).logits
        return (logits, *(t for layer in cache.layers for t in (layer.keys, layer.values)))


def flat(found):
    if isinstance(found, torch.Tensor):
        return (found,)
    if isinstance(found, dict):
        found = list(found.values())
    return tuple(t for part in found for t in flat(part)) if isinstance(found, (tuple, list)) else ()


def vision(name, shape=PICTURE, inside=None, **options):
    from torchvision import models
    place = getattr(models, inside) if inside else models
    kind = {"weights": None, **({"weights_backbone": None} if inside in ("detection", "segmentation") else {}), **options}
    module = getattr(place, name)(**kind)
    return (Detector(module), (torch.rand(*shape[1:]),)) if inside == "detection" else (module, (picture(*shape),))


class Detector(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, image):
        return tuple(self.inner([image])[0].values())


class Flow(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, a, b):
        return self.inner(a, b, num_flow_updates=2)[-1]


def flow():
    from torchvision.models.optical_flow import raft_small
    return Flow(raft_small(weights=None)), (picture(1, 3, 128, 128), picture(1, 3, 128, 128))


def timm_model(name, size=64):
    import timm
    options = {"img_size": size} if any(part in name for part in ("vit_", "swin", "deit", "beit", "mixer", "eva", "hiera", "nest")) else {}
    try:
        module = timm.create_model(name, pretrained=False, num_classes=10, **options)
    except TypeError:
        module, size = timm.create_model(name, pretrained=False, num_classes=10), 224
    return module, (picture(1, 3, size, size),)


def hugging(kind, loader, inputs, base=HEADS, **options):
    import transformers
    config = transformers.AutoConfig.for_model(kind, **{**base, **options})
    config._attn_implementation = config._experts_implementation = "eager"
    torch.manual_seed(0)
    module = getattr(transformers, loader)
    module = module.from_config(config, attn_implementation="eager") if loader.startswith("Auto") else module(config)
    values = {name: make() if callable(make) else make for name, make in inputs.items()}
    return Named(module, list(values)), tuple(values.values())


def vocoder():
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig
    return SpeechT5HifiGan(SpeechT5HifiGanConfig(model_in_dim=16, upsample_initial_channel=32)), (torch.randn(20, 16),)


def cached(kind, past=5, **options):
    named, _ = hugging(kind, "AutoModelForCausalLM", {}, **options)
    config = named.inner.config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    layers = [torch.randn(1, heads, past, size) for _ in range(2 * config.num_hidden_layers)]
    return Cached(named.inner), (words(1), torch.ones(1, past + 1, dtype=torch.int64), *layers)


class Packed(nn.Module):
    """Sequences of different lengths through a recurrent network."""

    def __init__(self, kind, **options):
        super().__init__()
        self.net = kind(6, 8, batch_first=True, **options)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, state = self.net(packed)
        return (nn.utils.rnn.pad_packed_sequence(y, batch_first=True)[0], *flat(state))


def packed(kind, **options):
    return Packed(kind, **options), (torch.randn(3, 7, 6), torch.tensor([7, 3, 5]))


def add(name, make, *args, **options):
    ALL[name] = functools.partial(make, *args, **options)


for name in ("alexnet", "vgg11_bn"):
    add(f"torchvision/{name}", vision, name, (1, 3, 224, 224))
for name in ("densenet121", "efficientnet_b0", "efficientnet_v2_s", "mnasnet0_5", "mobilenet_v2",
             "mobilenet_v3_small", "regnet_x_400mf", "regnet_y_400mf", "resnet18", "resnext50_32x4d", "shufflenet_v2_x0_5", "squeezenet1_1",
             "swin_t", "swin_v2_t", "convnext_tiny"):
    add(f"torchvision/{name}", vision, name)
add("torchvision/googlenet", vision, "googlenet", init_weights=False, aux_logits=False)
add("torchvision/inception_v3", vision, "inception_v3", (1, 3, 96, 96), init_weights=False)
add("torchvision/vit_b_16", vision, "vit_b_16", image_size=64)
add("torchvision/maxvit_t", vision, "maxvit_t", (1, 3, 224, 224))
for name in ("deeplabv3_mobilenet_v3_large", "fcn_resnet50", "lraspp_mobilenet_v3_large"):
    add(f"torchvision/{name}", vision, name, inside="segmentation")
for name in ("fasterrcnn_mobilenet_v3_large_320_fpn", "maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn", "retinanet_resnet50_fpn",
             "fcos_resnet50_fpn", "ssd300_vgg16", "ssdlite320_mobilenet_v3_large"):
    add(f"torchvision/{name}", vision, name, inside="detection", **({} if name.startswith("ssd") else {"min_size": 128, "max_size": 128}))
for name in ("r3d_18", "mc3_18", "r2plus1d_18"):
    add(f"torchvision/{name}", vision, name, (1, 3, 4, 32, 32), inside="video")
add("torchvision/mvit_v2_s", vision, "mvit_v2_s", (1, 3, 16, 224, 224), inside="video")
add("torchvision/raft_small", flow)

for name in ("bat_resnext26ts", "botnet26t_256", "cait_xxs24_224", "coat_lite_tiny", "coatnet_nano_rw_224", "convit_tiny", "convmixer_768_32",
             "crossvit_tiny_240", "cspdarknet53", "davit_tiny", "deit_tiny_patch16_224", "dla34", "dpn68", "eca_botnext26ts_256",
             "edgenext_xx_small", "efficientformer_l1", "efficientformerv2_s0", "efficientvit_b0", "efficientvit_m0", "fastvit_t8",
             "fbnetv3_b", "focalnet_tiny_srf", "gcresnet33ts", "gcvit_xxtiny", "gernet_s", "ghostnet_050", "ghostnetv2_100", "gmlp_ti16_224",
             "halonet26t", "hardcorenas_a", "hgnet_tiny", "hrnet_w18_small", "inception_next_tiny", "lambda_resnet26t", "lcnet_035", "levit_128s",
             "mambaout_femto", "maxxvit_rmlp_nano_rw_256", "poolformerv2_s12", "mixer_s16_224", "mobilenetv4_conv_small", "mobileone_s0",
             "mobilevit_xxs", "mobilevitv2_050", "mvitv2_tiny", "nextvit_small", "nf_regnet_b0", "pit_ti_224", "poolformer_s12",
             "pvt_v2_b0", "regnetz_b16", "repghostnet_050", "repvgg_a0", "repvit_m0_9", "res2net50_14w_8s", "resmlp_12_224", "resnest14d",
             "rexnet_100", "sebotnet33ts_256", "selecsls42", "semnasnet_075", "shvit_s1", "skresnet18", "starnet_s1", "swiftformer_xs",
             "swin_tiny_patch4_window7_224", "swinv2_tiny_window8_256", "tiny_vit_5m_224", "tinynet_e", "tnt_s_patch16_224",
             "twins_svt_small", "vit_tiny_patch16_224", "volo_d1_224", "vovnet39a", "xception41", "xcit_nano_12_p16_224", "visformer_tiny", "sequencer2d_s"):
    add(f"timm/{name}", timm_model, name, 256 if "256" in name or "halonet" in name else 224 if any(
        part in name for part in ("224", "efficientformer", "coat", "convit", "davit", "gcvit", "volo", "levit", "tiny_vit", "mvitv2", "botnet", "lambda", "efficientvit", "visformer", "sequencer", "240", "hrnet", "swiftformer", "twins", "shvit")) else 64)

for kind in (nn.LSTM, nn.GRU, nn.RNN):
    for label, options in (("", {}), ("-both", {"bidirectional": True}), ("-two", {"num_layers": 2, "bias": False})):
        add(f"packed/{kind.__name__.lower()}{label}", packed, kind, **options)
add("packed/lstm-projected", packed, nn.LSTM, proj_size=4)
add("packed/transformer", lambda: (nn.Transformer(32, 4, 1, 1, 48, batch_first=True), (torch.randn(1, 7, 32), torch.randn(1, 5, 32))))

TEXT = {"input_ids": words, "attention_mask": lambda: torch.ones(1, 12, dtype=torch.int64)}
for kind, options in {
        "albert": {}, "bert": {}, "big_bird": {"attention_type": "original_full"}, "camembert": {}, "canine": {}, "convbert": {}, "data2vec-text": {},
        "deberta": {"pos_att_type": ["c2p", "p2c"], "relative_attention": True}, "deberta-v2": {"pos_att_type": ["c2p", "p2c"], "relative_attention": True},
        "distilbert": {"dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 96}, "electra": {}, "ernie": {}, "esm": {"position_embedding_type": "rotary"},
        "flaubert": {"emb_dim": 64, "n_layers": 2, "n_heads": 4}, "fnet": {}, "ibert": {}, "layoutlm": {},
        "longformer": {"attention_window": 8}, "megatron-bert": {}, "mobilebert": {"true_hidden_size": 32, "intra_bottleneck_size": 32}, "modernbert": {}, "mpnet": {},
        "nystromformer": {"num_landmarks": 4, "segment_means_seq_len": 12}, "rembert": {"input_embedding_size": 32}, "roberta": {}, "roformer": {}, "squeezebert": {"embedding_size": 64}, "xlm-roberta": {},
        "yoso": {}, "eurobert": {}}.items():
    inputs = {"input_ids": words} if kind in ("fnet",) else TEXT
    add(f"transformers/{kind}", hugging, kind, "AutoModel", inputs, **options)

add("transformers/xlnet", hugging, "xlnet", "AutoModel", TEXT, base={}, vocab_size=120, d_model=64, n_layer=2, n_head=4, d_inner=96)
add("transformers/funnel", hugging, "funnel", "AutoModel", TEXT, base={}, vocab_size=120, d_model=64, n_head=4, d_head=16, d_inner=96, block_sizes=[1, 1])

DECODERS = {
    "bloom": {"n_layer": 2, "n_head": 4}, "codegen": {"n_embd": 64, "n_layer": 2, "n_head": 4, "rotary_dim": 8}, "deepseek_v3": {"n_routed_experts": 4, "q_lora_rank": 32, "kv_lora_rank": 16, "moe_intermediate_size": 32, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2},
    "falcon": {}, "falcon_mamba": {"state_size": 8}, "gemma": {"head_dim": 16}, "gemma2": {"head_dim": 16}, "gemma3_text": {"head_dim": 16}, "glm": {"head_dim": 16}, "gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 4},
    "gpt_bigcode": {"n_embd": 64, "n_layer": 2, "n_head": 4}, "gpt_neo": {"num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]}, "gpt_neox": {}, "gptj": {"n_embd": 64, "n_layer": 2, "n_head": 4, "rotary_dim": 8},
    "gpt_oss": {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 16, "num_key_value_heads": 2}, "granite": {}, "helium": {}, "jamba": {}, "lfm2": {}, "llama": {"num_key_value_heads": 2}, "mamba": {"state_size": 8}, "mamba2": {"num_heads": 8, "head_dim": 16, "state_size": 8, "n_groups": 2, "chunk_size": 8},
    "minimax": {}, "mistral": {"num_key_value_heads": 2, "sliding_window": 8}, "mixtral": {"num_local_experts": 4, "num_key_value_heads": 2}, "mpt": {"d_model": 64, "n_layers": 2, "n_heads": 4}, "olmo": {}, "olmo2": {}, "olmoe": {"num_experts": 4, "num_experts_per_tok": 2}, "opt": {"ffn_dim": 96, "word_embed_proj_dim": 64},
    "persimmon": {}, "phi": {}, "phi3": {}, "phimoe": {"num_local_experts": 4}, "qwen2": {"num_key_value_heads": 2}, "qwen2_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "shared_expert_intermediate_size": 32}, "qwen3": {"num_key_value_heads": 2, "head_dim": 16}, "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "head_dim": 16, "num_key_value_heads": 2},
    "recurrent_gemma": {"lru_width": 64, "head_dim": 16}, "rwkv": {"attention_hidden_size": 64}, "smollm3": {}, "stablelm": {}, "starcoder2": {"num_key_value_heads": 2}, "xglm": SEQ2SEQ | {"num_layers": 2, "attention_heads": 4, "ffn_dim": 96}}
for kind, options in DECODERS.items():
    inputs = {"input_ids": words} if kind in ("rwkv", "mamba", "mamba2", "falcon_mamba") else TEXT
    add(f"transformers/{kind}", hugging, kind, "AutoModelForCausalLM", inputs, **options)
for kind in ("gemma", "gemma2", "gpt2", "gpt_neox", "granite", "llama", "mistral", "mixtral", "olmo2", "phi", "phi3", "qwen2", "qwen3", "smollm3", "stablelm", "starcoder2"):
    add(f"transformers/{kind}-cache", cached, kind, **DECODERS[kind])

BOTH = {"input_ids": words, "decoder_input_ids": functools.partial(words, 5)}
for kind, options in {"bart": {}, "blenderbot": {}, "led": {"attention_window": 8}, "m2m_100": {}, "marian": {}, "mbart": {}, "mvp": {}, "pegasus": {}, "plbart": {},
                      "t5": {"d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 4}, "mt5": {"d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 4}, "longt5": {"d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 4},
                      "switch_transformers": {"d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 4, "num_experts": 4}, "umt5": {"d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 4}}.items():
    add(f"transformers/{kind}", hugging, kind, "AutoModelForSeq2SeqLM", BOTH, base=SEQ2SEQ, **options)

WAVE = {"input_values": lambda: torch.randn(1, 4000)}
SOUND = dict(conv_dim=[32, 32, 32], conv_stride=[5, 4, 4], conv_kernel=[10, 4, 4], num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
             num_feat_extract_layers=3, mask_time_prob=0.0, apply_spec_augment=False)
for kind in ("wav2vec2", "hubert", "wavlm", "wav2vec2-conformer", "unispeech", "unispeech-sat", "data2vec-audio", "sew", "wav2vec2-bert"):
    add(f"transformers/{kind}", hugging, kind, "AutoModelForCTC",
        {"input_features": lambda: torch.randn(1, 40, 160)} if kind == "wav2vec2-bert" else WAVE, **SOUND)
FRAMES = functools.partial(torch.randn, 1, 16, 64)
add("transformers/whisper", hugging, "whisper", "AutoModelForSpeechSeq2Seq", {"input_features": FRAMES, "decoder_input_ids": functools.partial(words, 5)},
    base=SEQ2SEQ, num_mel_bins=16, max_source_positions=32, max_target_positions=32)
add("transformers/speech_to_text", hugging, "speech_to_text", "AutoModelForSpeechSeq2Seq",
    {"input_features": functools.partial(torch.randn, 1, 64, 16), "decoder_input_ids": functools.partial(words, 5)}, base=SEQ2SEQ, input_feat_per_channel=16, max_source_positions=64)
add("transformers/moonshine", hugging, "moonshine", "AutoModelForSpeechSeq2Seq", {"input_values": lambda: torch.randn(1, 8000), "decoder_input_ids": functools.partial(words, 5)},
    decoder_num_hidden_layers=2, encoder_num_hidden_layers=2, decoder_num_attention_heads=4, encoder_num_attention_heads=4, decoder_start_token_id=1)
add("transformers/audio-spectrogram", hugging, "audio-spectrogram-transformer", "AutoModelForAudioClassification", {"input_values": lambda: torch.randn(1, 64, 32)}, max_length=64, num_mel_bins=32)
add("transformers/vits", hugging, "vits", "VitsModel", TEXT, ffn_dim=96, flow_size=64, spectrogram_bins=65, upsample_initial_channel=64, prior_encoder_num_flows=2,
    posterior_encoder_num_wavenet_layers=2, prior_encoder_num_wavenet_layers=2, noise_scale=0.0, noise_scale_duration=0.0, use_stochastic_duration_prediction=False)
add("transformers/hifigan", vocoder)
add("transformers/fastspeech2_conformer", hugging, "fastspeech2_conformer", "FastSpeech2ConformerModel", {"input_ids": words}, hidden_size=64, encoder_num_attention_heads=2, decoder_num_attention_heads=2, encoder_layers=1, decoder_layers=1, encoder_linear_units=64, decoder_linear_units=64, vocab_size=120)
add("transformers/encodec", hugging, "encodec", "EncodecModel", {"input_values": lambda: torch.randn(1, 1, 3200)}, base={}, hidden_size=32, num_filters=8, codebook_size=64, codebook_dim=32)
add("transformers/dac", hugging, "dac", "DacModel", {"input_values": lambda: torch.randn(1, 1, 2048)}, base={}, encoder_hidden_size=8, decoder_hidden_size=64, hidden_size=128, codebook_size=64, n_codebooks=3)

LOOK = {"pixel_values": picture}
STAGES = dict(depths=[1, 1, 1, 1], hidden_sizes=[16, 32, 48, 64], num_heads=[1, 2, 4, 8], num_attention_heads=[1, 2, 4, 8], embed_dim=16, window_size=2, image_size=64, num_channels=3)
for kind, options in {
        "vit": {}, "deit": {}, "beit": {}, "dinov2": {"patch_size": 8}, "dinov2_with_registers": {"patch_size": 8}, "dinov3_vit": {}, "vit_msn": {}, "data2vec-vision": {}, "ijepa": {}, 
        "mobilevit": {"hidden_sizes": [32, 48, 64], "neck_hidden_sizes": [8, 16, 24, 32, 48, 64, 96]}, "mobilenet_v1": {}, "mobilenet_v2": {}, "levit": {"hidden_sizes": [32, 48, 64], "depths": [1, 1, 1], "num_attention_heads": [2, 2, 2]},
        "efficientnet": {"width_coefficient": 0.3, "depth_coefficient": 0.3, "hidden_dim": 384}, "swiftformer": {}, "siglip_vision_model": {}, "clip_vision_model": {}}.items():
    add(f"transformers/{kind}", hugging, kind, "AutoModel", LOOK, **options)
for kind in ("swin", "swinv2", "convnext", "convnextv2", "segformer", "poolformer", "pvt", "pvt_v2", "regnet", "resnet", "focalnet", "donut-swin"):
    add(f"transformers/{kind}", hugging, kind, "AutoModel", LOOK, base=STAGES)
RESNET = dict(model_type="resnet", embedding_size=16, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], layer_type="basic", out_features=["stage1", "stage2", "stage3", "stage4"])
DETR = dict(d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, num_queries=6,
            use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, num_labels=5)
add("transformers/cvt", hugging, "cvt", "AutoModel", LOOK, base={}, depth=[1, 1, 2])
add("transformers/bit", hugging, "bit", "AutoModel", LOOK, base={}, embedding_size=32, hidden_sizes=[32, 64], depths=[1, 1])
for kind in ("detr", "conditional_detr", "table-transformer", "dab-detr"):
    add(f"transformers/{kind}", hugging, kind, "AutoModelForObjectDetection", LOOK, base=DETR, hidden_size=32, backbone_config=RESNET | {"out_features": ["stage4"]}, num_feature_levels=4)
add("transformers/yolos", hugging, "yolos", "AutoModelForObjectDetection", LOOK, num_detection_tokens=6, image_size=[64, 64])
add("transformers/rt_detr", hugging, "rt_detr", "RTDetrForObjectDetection", {"pixel_values": lambda: picture(1, 3, 128, 128)}, base={}, num_queries=30, decoder_layers=2)
add("transformers/d_fine", hugging, "d_fine", "DFineForObjectDetection", {"pixel_values": lambda: picture(1, 3, 128, 128)}, base={}, num_queries=30, decoder_layers=2)
add("transformers/segformer-segmentation", hugging, "segformer", "AutoModelForSemanticSegmentation", LOOK, base={}, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], decoder_hidden_size=32)
add("transformers/dpt", hugging, "dpt", "AutoModelForDepthEstimation", LOOK, neck_hidden_sizes=[16, 16, 32, 32], fusion_hidden_size=16, backbone_out_indices=[0, 1, 2, 3], num_hidden_layers=4)
add("transformers/glpn", hugging, "glpn", "AutoModelForDepthEstimation", LOOK, base={}, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], decoder_hidden_size=16, num_attention_heads=[1, 2, 4, 8])
add("transformers/depth_anything", hugging, "depth_anything", "AutoModelForDepthEstimation", LOOK, base={}, reassemble_hidden_size=64, neck_hidden_sizes=[16, 16, 32, 32], fusion_hidden_size=16, patch_size=16,
    backbone_config=dict(model_type="dinov2", hidden_size=64, num_hidden_layers=4, num_attention_heads=4, image_size=64, patch_size=16, out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False, apply_layernorm=True))
add("transformers/swin2sr", hugging, "swin2sr", "Swin2SRForImageSuperResolution", LOOK, base={}, embed_dim=24, depths=[1, 1], num_heads=[2, 2], window_size=8, image_size=64)
add("transformers/clip", hugging, "clip", "CLIPModel", {"input_ids": words, "pixel_values": picture}, base={}, projection_dim=32,
    text_config=HEADS | {"model_type": "clip_text_model"}, vision_config=HEADS | {"model_type": "clip_vision_model"})
add("transformers/siglip", hugging, "siglip", "SiglipModel", {"input_ids": words, "pixel_values": picture}, base={}, text_config=HEADS | {"projection_size": 64}, vision_config=HEADS)
add("transformers/owlvit", hugging, "owlvit", "OwlViTForObjectDetection", {"input_ids": words, "pixel_values": picture}, base={}, text_config=HEADS, vision_config=HEADS, projection_dim=64)
add("transformers/clipseg", hugging, "clipseg", "CLIPSegForImageSegmentation", {"input_ids": words, "pixel_values": picture}, base={}, text_config=HEADS, vision_config=HEADS | {"num_hidden_layers": 3}, projection_dim=64, extract_layers=[0, 1, 2], reduce_dim=16, decoder_num_attention_heads=4, decoder_intermediate_size=32)
add("transformers/sam", hugging, "sam", "SamModel", {"pixel_values": picture, "input_points": lambda: torch.rand(1, 1, 2, 2) * 60}, base={}, vision_config=HEADS | {"output_channels": 32, "num_pos_feats": 16, "window_size": 2, "global_attn_indexes": [1], "mlp_dim": 96},
    prompt_encoder_config=dict(hidden_size=32, image_size=64, patch_size=16), mask_decoder_config=dict(hidden_size=32, mlp_dim=48, num_attention_heads=4, iou_head_hidden_dim=32))
add("transformers/blip", hugging, "blip", "BlipForConditionalGeneration", {"pixel_values": picture, "input_ids": words}, base={}, text_config=HEADS | {"encoder_hidden_size": 64}, vision_config=HEADS)
add("transformers/vitmatte", hugging, "vitmatte", "VitMatteForImageMatting", {"pixel_values": lambda: picture(1, 4, 64, 64)}, base={}, hidden_size=64, convstream_hidden_sizes=[16, 24, 32], fusion_hidden_sizes=[32, 24, 16, 8],
    backbone_config=dict(model_type="vitdet", hidden_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=64, patch_size=16, num_channels=4, out_features=["stage2"]))
add("transformers/mask2former", hugging, "mask2former", "Mask2FormerForUniversalSegmentation", LOOK, base={}, feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=48, dim_feedforward=48, encoder_layers=1, decoder_layers=2, num_attention_heads=4, num_queries=5,
    backbone_config=dict(model_type="swin", embed_dim=16, depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 2], window_size=4, image_size=64, out_features=["stage1", "stage2", "stage3", "stage4"]))
add("transformers/maskformer", hugging, "maskformer", "MaskFormerForInstanceSegmentation", LOOK, base={}, fpn_feature_size=32, mask_feature_size=32,
    backbone_config=dict(model_type="swin", embed_dim=16, depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 2], window_size=4, image_size=64, out_features=["stage1", "stage2", "stage3", "stage4"]), decoder_config=dict(model_type="detr", **DETR))
add("transformers/upernet", hugging, "upernet", "UperNetForSemanticSegmentation", LOOK, base={}, hidden_size=32, auxiliary_in_channels=48, pool_scales=[1, 2], use_auxiliary_head=False, backbone_config=RESNET)
add("transformers/patchtst", hugging, "patchtst", "PatchTSTForPrediction", {"past_values": lambda: torch.randn(1, 32, 3)}, base={}, num_input_channels=3, context_length=32, patch_length=4, patch_stride=4, d_model=16, ffn_dim=32, num_attention_heads=2, num_hidden_layers=2, prediction_length=8)
add("transformers/patchtsmixer", hugging, "patchtsmixer", "PatchTSMixerForPrediction", {"past_values": lambda: torch.randn(1, 32, 3)}, base={}, num_input_channels=3, context_length=32, patch_length=4, patch_stride=4, d_model=16, prediction_length=8)
add("transformers/decision_transformer", hugging, "decision_transformer", "DecisionTransformerModel", {"states": lambda: torch.randn(1, 4, 6), "actions": lambda: torch.randn(1, 4, 3), "rewards": lambda: torch.randn(1, 4, 1), "returns_to_go": lambda: torch.randn(1, 4, 1), "timesteps": lambda: torch.arange(4)[None], "attention_mask": lambda: torch.ones(1, 4, dtype=torch.int64)}, base={}, state_dim=6, act_dim=3, hidden_size=32, n_layer=2, n_head=2)
add("transformers/trocr", hugging, "trocr", "TrOCRForCausalLM", {"input_ids": words, "encoder_hidden_states": lambda: torch.randn(1, 7, 64)}, base={}, d_model=64, cross_attention_hidden_size=64, decoder_layers=2, decoder_attention_heads=4, decoder_ffn_dim=96, vocab_size=120)
