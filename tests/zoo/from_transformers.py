"""Networks of transformers, small ones of random weights. The name chooses a function below."""
import torch
import transformers as t

from common import SEED, Case, liven, settle, smooth


class First(torch.nn.Module):
    """Tensors of a model's answer, by name; inputs by name too."""

    def __init__(self, model, inputs, outputs, **fixed):
        super().__init__()
        self.model, self.inputs, self.outputs, self.fixed = model, inputs, outputs, fixed

    def forward(self, *args):
        answer = self.model(**dict(zip(self.inputs, args)), **self.fixed)
        return tuple(getattr(answer, name) for name in self.outputs)


def words(length, vocabulary):
    return torch.randint(3, vocabulary, (1, length))


def text(model, vocabulary, outputs, length=32):
    mask = torch.ones(1, length, dtype=torch.int64)
    mask[0, length * 3 // 4:] = 0
    return model, ["input_ids", "attention_mask"], (words(length, vocabulary), mask), outputs


def vision(model, side, outputs, name="pixel_values"):
    return model, [name], (smooth(1, 3, side, side),), outputs


SMALL = dict(hidden_size=128, num_hidden_layers=3, num_attention_heads=4, intermediate_size=256)
HIDDEN = ["last_hidden_state"]


def bert():
    return text(t.BertModel(t.BertConfig(vocab_size=500, **SMALL)), 500, HIDDEN)


def distilbert():
    return text(t.DistilBertModel(t.DistilBertConfig(vocab_size=500, dim=128, n_layers=3, n_heads=4,
                                                     hidden_dim=256)), 500, HIDDEN)


def roberta():
    return text(t.RobertaModel(t.RobertaConfig(vocab_size=500, **SMALL)), 500, HIDDEN)


def deberta():
    return text(t.DebertaV2Model(t.DebertaV2Config(vocab_size=500, relative_attention=True,
                                                   pos_att_type=["p2c", "c2p"], **SMALL)), 500,
                HIDDEN)


def electra():
    return text(t.ElectraModel(t.ElectraConfig(vocab_size=500, embedding_size=64, **SMALL)), 500,
                HIDDEN)


def t5_encoder():
    return text(t.T5EncoderModel(t.T5Config(vocab_size=500, d_model=128, d_kv=32, d_ff=256,
                                            num_layers=3, num_heads=4)), 500, HIDDEN)


def gpt2():
    return text(t.GPT2LMHeadModel(t.GPT2Config(vocab_size=500, n_embd=128, n_layer=3, n_head=4,
                                               use_cache=False)), 500, ["logits"])


def llama():
    return text(t.LlamaForCausalLM(t.LlamaConfig(vocab_size=500, num_key_value_heads=2,
                                                 use_cache=False, **SMALL)), 500, ["logits"])


def vit():
    return vision(t.ViTModel(t.ViTConfig(image_size=96, patch_size=16, **SMALL)), 96, HIDDEN)


def deit():
    return vision(t.DeiTModel(t.DeiTConfig(image_size=96, patch_size=16, **SMALL)), 96, HIDDEN)


def beit():
    return vision(t.BeitModel(t.BeitConfig(image_size=96, patch_size=16, vocab_size=100, **SMALL)),
                  96, HIDDEN)


def dinov2():
    config = t.Dinov2Config(image_size=98, patch_size=14, hidden_size=128, num_hidden_layers=3,
                            num_attention_heads=4, mlp_ratio=2)
    return vision(t.Dinov2Model(config), 98, HIDDEN)


def swin():
    config = t.SwinConfig(image_size=112, window_size=7, embed_dim=48, depths=[2, 2],
                          num_heads=[2, 4])
    return vision(t.SwinModel(config), 112, HIDDEN)


def segformer():
    config = t.SegformerConfig(depths=[1, 1, 1, 1], hidden_sizes=[16, 32, 64, 96],
                               decoder_hidden_size=64)
    return vision(t.SegformerForSemanticSegmentation(config), 128, ["logits"])


def clip_vision():
    return vision(t.CLIPVisionModel(t.CLIPVisionConfig(image_size=96, patch_size=16, **SMALL)), 96,
                  HIDDEN)


def clip_text():
    config = t.CLIPTextConfig(vocab_size=500, max_position_embeddings=32, eos_token_id=2, **SMALL)
    return text(t.CLIPTextModel(config), 500, HIDDEN)


def clip():
    config = t.CLIPConfig(text_config=dict(vocab_size=500, eos_token_id=2, **SMALL),
                          vision_config=dict(image_size=96, patch_size=16, **SMALL),
                          projection_dim=64)
    return (t.CLIPModel(config), ["input_ids", "pixel_values", "attention_mask"],
            (words(16, 500), smooth(1, 3, 96, 96), torch.ones(1, 16, dtype=torch.int64)),
            ["logits_per_image", "image_embeds", "text_embeds"])


def siglip_vision():
    return vision(t.SiglipVisionModel(t.SiglipVisionConfig(image_size=96, patch_size=16, **SMALL)),
                  96, HIDDEN)


WHISPER = dict(vocab_size=500, d_model=128, encoder_layers=3, decoder_layers=3,
               encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=256,
               decoder_ffn_dim=256, num_mel_bins=80, max_source_positions=200, pad_token_id=0,
               bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, suppress_tokens=[],
               begin_suppress_tokens=[])


def whisper_encoder():
    model = t.WhisperModel(t.WhisperConfig(**WHISPER)).encoder
    return model, ["input_features"], (smooth(1, 80, 400),), HIDDEN


def whisper_decoder():
    model = t.WhisperModel(t.WhisperConfig(**WHISPER)).decoder
    return (model, ["input_ids", "encoder_hidden_states"], (words(12, 500), smooth(1, 200, 128)),
            HIDDEN)


def wav2vec2():
    config = t.Wav2Vec2Config(vocab_size=32, num_conv_pos_embeddings=16,
                              num_conv_pos_embedding_groups=4, conv_dim=(64,) * 7, **SMALL)
    return t.Wav2Vec2ForCTC(config), ["input_values"], (smooth(1, 1, 8000)[0],), ["logits"]


def conformer():
    config = t.Wav2Vec2ConformerConfig(vocab_size=32, num_conv_pos_embeddings=16,
                                       num_conv_pos_embedding_groups=4, conv_dim=(64,) * 7,
                                       conv_depthwise_kernel_size=15, **SMALL)
    return t.Wav2Vec2ConformerForCTC(config), ["input_values"], (smooth(1, 1, 8000)[0],), ["logits"]


def depth_anything():
    backbone = t.Dinov2Config(image_size=98, patch_size=14, hidden_size=128, num_hidden_layers=4,
                              num_attention_heads=4, mlp_ratio=2, out_indices=[1, 2, 3, 4],
                              reshape_hidden_states=False)
    config = t.DepthAnythingConfig(backbone_config=backbone, reassemble_hidden_size=128,
                                   neck_hidden_sizes=[24, 48, 96, 96], fusion_hidden_size=32)
    return vision(t.DepthAnythingForDepthEstimation(config), 98, ["predicted_depth"])


DETR = dict(d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
            decoder_attention_heads=4, encoder_ffn_dim=128, decoder_ffn_dim=128)
BOXES = ["logits", "pred_boxes"]


def resnet_config(**more):
    return t.ResNetConfig(embedding_size=16, hidden_sizes=[16, 32, 64, 96], depths=[1, 1, 1, 1],
                          layer_type="basic", **more)


def detr():
    config = t.DetrConfig(use_timm_backbone=False, use_pretrained_backbone=False, backbone=None,
                          backbone_config=resnet_config(out_features=["stage4"]), num_queries=20,
                          **DETR)
    return vision(t.DetrForObjectDetection(config), 128, BOXES)


def rt_detr():
    backbone = t.RTDetrResNetConfig(embedding_size=16, hidden_sizes=[32, 48, 64, 96],
                                    depths=[1, 1, 1, 1], layer_type="bottleneck",
                                    out_features=["stage2", "stage3", "stage4"])
    config = t.RTDetrConfig(backbone_config=backbone, encoder_in_channels=[48, 64, 96],
                            encoder_hidden_dim=64, encoder_ffn_dim=128, encoder_attention_heads=4,
                            d_model=64, decoder_in_channels=[64, 64, 64], decoder_ffn_dim=128,
                            decoder_attention_heads=4, decoder_layers=2, num_queries=30,
                            feat_strides=[8, 16, 32], use_pretrained_backbone=False)
    return vision(t.RTDetrForObjectDetection(config), 128, BOXES)


def rt_detr_v2():
    backbone = t.RTDetrResNetConfig(embedding_size=16, hidden_sizes=[32, 48, 64, 96],
                                    depths=[1, 1, 1, 1], layer_type="bottleneck",
                                    out_features=["stage2", "stage3", "stage4"])
    config = t.RTDetrV2Config(backbone_config=backbone, encoder_in_channels=[48, 64, 96],
                              encoder_hidden_dim=64, encoder_ffn_dim=128,
                              encoder_attention_heads=4, d_model=64,
                              decoder_in_channels=[64, 64, 64], decoder_ffn_dim=128,
                              decoder_attention_heads=4, decoder_layers=2, num_queries=30,
                              feat_strides=[8, 16, 32], use_pretrained_backbone=False)
    return vision(t.RTDetrV2ForObjectDetection(config), 128, BOXES)


def d_fine():
    backbone = t.HGNetV2Config(stem_channels=[3, 8, 16], embedding_size=16,
                               stage_in_channels=[16, 32, 48, 64],
                               stage_mid_channels=[16, 16, 32, 32],
                               stage_out_channels=[32, 48, 64, 96], stage_num_blocks=[1, 1, 1, 1],
                               stage_numb_of_layers=[2, 2, 2, 2], hidden_sizes=[32, 48, 64, 96],
                               depths=[1, 1, 1, 1], out_features=["stage2", "stage3", "stage4"])
    config = t.DFineConfig(backbone_config=backbone, encoder_in_channels=[48, 64, 96],
                           encoder_hidden_dim=64, encoder_ffn_dim=128, encoder_attention_heads=4,
                           d_model=64, decoder_in_channels=[64, 64, 64], decoder_ffn_dim=128,
                           decoder_attention_heads=4, decoder_layers=3, num_queries=30,
                           feat_strides=[8, 16, 32])
    return vision(t.DFineForObjectDetection(config), 128, BOXES)


def yolos():
    config = t.YolosConfig(image_size=[96, 96], patch_size=16, num_detection_tokens=10, **SMALL)
    return vision(t.YolosForObjectDetection(config), 96, BOXES)


def sam_vision():
    config = t.SamVisionConfig(hidden_size=64, output_channels=32, num_hidden_layers=3,
                               num_attention_heads=4, image_size=128, patch_size=16, mlp_dim=128,
                               window_size=3, global_attn_indexes=[1])
    return vision(t.SamVisionModel(config), 128, HIDDEN)


def sam():
    config = t.SamConfig(
        vision_config=dict(hidden_size=64, output_channels=32, num_hidden_layers=2,
                           num_attention_heads=4, image_size=128, patch_size=16, mlp_dim=128,
                           window_size=3, global_attn_indexes=[1], num_pos_feats=16),
        prompt_encoder_config=dict(hidden_size=32, image_size=128, patch_size=16,
                                   mask_input_channels=8),
        mask_decoder_config=dict(hidden_size=32, mlp_dim=64, num_attention_heads=4,
                                 iou_head_hidden_dim=32))
    return (t.SamModel(config), ["pixel_values", "input_points"],
            (smooth(1, 3, 128, 128), torch.tensor([[[[40.0, 50.0], [80.0, 30.0]]]])),
            ["pred_masks", "iou_scores"])


def albert():
    return text(t.AlbertModel(t.AlbertConfig(vocab_size=500, embedding_size=64, **SMALL)), 500,
                HIDDEN)


def mobilebert():
    config = t.MobileBertConfig(vocab_size=500, hidden_size=128, num_hidden_layers=3,
                                num_attention_heads=4, intermediate_size=128, embedding_size=64,
                                intra_bottleneck_size=64)
    return text(t.MobileBertModel(config), 500, HIDDEN)


def squeezebert():
    return text(t.SqueezeBertModel(t.SqueezeBertConfig(vocab_size=500, embedding_size=128, **SMALL)),
                500, HIDDEN)


def mpnet():
    return text(t.MPNetModel(t.MPNetConfig(vocab_size=500, **SMALL)), 500, HIDDEN)


def xlnet():
    config = t.XLNetConfig(vocab_size=500, d_model=128, n_layer=2, n_head=4, d_inner=256)
    return text(t.XLNetModel(config), 500, HIDDEN, 16)


def modernbert():
    config = t.ModernBertConfig(vocab_size=500, hidden_size=128, num_hidden_layers=4,
                                num_attention_heads=4, intermediate_size=192, pad_token_id=0,
                                eos_token_id=1, bos_token_id=1, cls_token_id=1, sep_token_id=2)
    return text(t.ModernBertModel(config), 500, HIDDEN)


def longformer():
    config = t.LongformerConfig(vocab_size=500, attention_window=16, **SMALL)
    return text(t.LongformerModel(config), 500, HIDDEN)


def funnel():
    config = t.FunnelConfig(vocab_size=500, d_model=128, n_head=4, d_head=32, d_inner=256,
                            block_sizes=[1, 1, 1])
    return text(t.FunnelModel(config), 500, HIDDEN)


def bart_encoder():
    config = t.BartConfig(vocab_size=500, d_model=128, encoder_layers=2, decoder_layers=2,
                          encoder_attention_heads=4, decoder_attention_heads=4,
                          encoder_ffn_dim=256, decoder_ffn_dim=256)
    return text(t.BartModel(config).encoder, 500, HIDDEN)


def opt():
    config = t.OPTConfig(vocab_size=500, hidden_size=128, num_hidden_layers=2, ffn_dim=256,
                         num_attention_heads=4, word_embed_proj_dim=128, use_cache=False)
    return text(t.OPTForCausalLM(config), 500, ["logits"])


def bloom():
    config = t.BloomConfig(vocab_size=500, hidden_size=128, n_layer=2, n_head=4, use_cache=False)
    return text(t.BloomForCausalLM(config), 500, ["logits"])


def gpt_neox():
    return text(t.GPTNeoXForCausalLM(t.GPTNeoXConfig(vocab_size=500, use_cache=False, **SMALL)), 500,
                ["logits"])


def qwen2():
    config = t.Qwen2Config(vocab_size=500, num_key_value_heads=2, use_cache=False, **SMALL)
    return text(t.Qwen2ForCausalLM(config), 500, ["logits"])


def gemma2():
    config = t.Gemma2Config(vocab_size=500, num_key_value_heads=2, head_dim=32, use_cache=False,
                            sliding_window=8, **SMALL)
    return text(t.Gemma2ForCausalLM(config), 500, ["logits"])


def phi():
    config = t.PhiConfig(vocab_size=500, use_cache=False, **SMALL)
    return text(t.PhiForCausalLM(config), 500, ["logits"])


def mixtral():
    config = t.MixtralConfig(vocab_size=500, num_key_value_heads=2, num_local_experts=4,
                             use_cache=False, **SMALL)
    return text(t.MixtralForCausalLM(config), 500, ["logits"])


def mamba():
    config = t.MambaConfig(vocab_size=500, hidden_size=64, num_hidden_layers=2, state_size=8,
                           use_cache=False)
    model = t.MambaForCausalLM(config)
    return model, ["input_ids"], (words(16, 500),), ["logits"]


def dpt():
    config = t.DPTConfig(image_size=96, patch_size=16, hidden_size=128, num_hidden_layers=4,
                         num_attention_heads=4, intermediate_size=256,
                         backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[24, 48, 96, 96],
                         fusion_hidden_size=32)
    return vision(t.DPTForDepthEstimation(config), 96, ["predicted_depth"])


def glpn():
    config = t.GLPNConfig(depths=[1, 1, 1, 1], hidden_sizes=[16, 32, 64, 96],
                          num_attention_heads=[1, 2, 4, 4], decoder_hidden_size=32)
    return vision(t.GLPNForDepthEstimation(config), 128, ["predicted_depth"])


def vitpose():
    backbone = t.VitPoseBackboneConfig(image_size=[128, 96], patch_size=[16, 16], hidden_size=64,
                                       num_hidden_layers=2, num_attention_heads=4,
                                       out_features=["stage2"])
    model = t.VitPoseForPoseEstimation(t.VitPoseConfig(backbone_config=backbone, num_labels=17))
    return model, ["pixel_values"], (smooth(1, 3, 128, 96),), ["heatmaps"]


def owlvit():
    config = t.OwlViTConfig(text_config=dict(vocab_size=500, max_position_embeddings=16, **SMALL),
                            vision_config=dict(image_size=96, patch_size=16, **SMALL),
                            projection_dim=128)
    return (t.OwlViTForObjectDetection(config), ["input_ids", "pixel_values", "attention_mask"],
            (words(16, 500), smooth(1, 3, 96, 96), torch.ones(1, 16, dtype=torch.int64)), BOXES)


def mobilevit():
    config = t.MobileViTConfig(image_size=128, hidden_sizes=[32, 48, 64],
                               neck_hidden_sizes=[8, 16, 24, 32, 48, 64, 96])
    return vision(t.MobileViTForImageClassification(config), 128, ["logits"])


def swin2sr():
    config = t.Swin2SRConfig(image_size=32, embed_dim=36, depths=[2, 2], num_heads=[2, 2],
                             window_size=8, upscale=2)
    return vision(t.Swin2SRForImageSuperResolution(config), 32, ["reconstruction"])


def maskformer():
    config = t.MaskFormerConfig(
        backbone_config=t.SwinConfig(image_size=128, window_size=4, embed_dim=24, depths=[1, 1, 1, 1],
                                     num_heads=[1, 2, 4, 8],
                                     out_features=["stage1", "stage2", "stage3", "stage4"]),
        decoder_config=t.DetrConfig(num_queries=20, use_timm_backbone=False, backbone=None,
                                    backbone_config=resnet_config(), **DETR),
        fpn_feature_size=32, mask_feature_size=32)
    return vision(t.MaskFormerForInstanceSegmentation(config), 128,
                  ["class_queries_logits", "masks_queries_logits"])


def mask2former():
    config = t.Mask2FormerConfig(
        backbone_config=t.SwinConfig(image_size=128, window_size=4, embed_dim=24, depths=[1, 1, 1, 1],
                                     num_heads=[1, 2, 4, 8],
                                     out_features=["stage1", "stage2", "stage3", "stage4"]),
        feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=64,
        encoder_layers=2, decoder_layers=3, num_attention_heads=4, dim_feedforward=64,
        num_queries=20)
    return vision(t.Mask2FormerForUniversalSegmentation(config), 128,
                  ["class_queries_logits", "masks_queries_logits"])


def conditional_detr():
    config = t.ConditionalDetrConfig(use_timm_backbone=False, use_pretrained_backbone=False,
                                     backbone=None, num_queries=20,
                                     backbone_config=resnet_config(out_features=["stage4"]), **DETR)
    return vision(t.ConditionalDetrForObjectDetection(config), 128, BOXES)


def deformable_detr():
    config = t.DeformableDetrConfig(
        use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, num_queries=20,
        backbone_config=resnet_config(out_features=["stage2", "stage3", "stage4"]),
        num_feature_levels=4, **DETR)
    return vision(t.DeformableDetrForObjectDetection(config), 128, BOXES)


def rf_detr():
    backbone = dict(image_size=112, patch_size=14, hidden_size=64, num_hidden_layers=4,
                    num_attention_heads=4, mlp_ratio=2, num_windows=2, out_indices=[2, 4])
    config = t.RfDetrConfig(backbone_config=t.RfDetrDinov2Config(**backbone), d_model=64,
                            decoder_layers=2, num_queries=20)
    return vision(t.RfDetrForObjectDetection(config), 112, BOXES)


def videomae():
    config = t.VideoMAEConfig(image_size=64, patch_size=16, num_frames=8, **SMALL)
    return (t.VideoMAEModel(config), ["pixel_values"], (smooth(1, 8, 3, 64, 64),), HIDDEN)


def hubert():
    config = t.HubertConfig(num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
                            conv_dim=(64,) * 7, **SMALL)
    return t.HubertModel(config), ["input_values"], (smooth(1, 1, 8000)[0],), HIDDEN


def moonshine_encoder():
    config = t.MoonshineConfig(vocab_size=500, hidden_size=128, intermediate_size=256,
                               encoder_num_hidden_layers=2, decoder_num_hidden_layers=2,
                               encoder_num_attention_heads=4, decoder_num_attention_heads=4)
    return t.MoonshineModel(config).encoder, ["input_values"], (smooth(1, 1, 16000)[0],), HIDDEN


def ast():
    config = t.ASTConfig(max_length=128, num_mel_bins=64, **SMALL)
    return t.ASTModel(config), ["input_values"], (smooth(1, 128, 64),), HIDDEN


def encodec():
    model = t.EncodecModel(t.EncodecConfig(num_filters=8, hidden_size=32, codebook_dim=32,
                                           codebook_size=64))
    return model.encoder, ["input_values"], (smooth(1, 1, 4000).reshape(1, 1, 4000),), None


def vits():
    config = t.VitsConfig(vocab_size=60, hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
                          ffn_dim=128, flow_size=64, spectrogram_bins=65, upsample_initial_channel=64,
                          prior_encoder_num_flows=2, noise_scale=0.0, noise_scale_duration=0.0,
                          use_stochastic_duration_prediction=False)
    return t.VitsModel(config), ["input_ids"], (words(12, 60),), ["waveform"]


def superpoint():
    return vision(t.SuperPointForKeypointDetection(t.SuperPointConfig()), 96,
                  ["keypoints", "scores"])


def patchtst():
    config = t.PatchTSTConfig(num_input_channels=3, context_length=64, prediction_length=16,
                              patch_length=8, patch_stride=8, d_model=32, num_attention_heads=4,
                              num_hidden_layers=2, ffn_dim=64)
    return (t.PatchTSTForPrediction(config), ["past_values"],
            (smooth(1, 64, 3),), ["prediction_outputs"])


def make(name, options):
    torch.manual_seed(SEED)
    model, inputs, values, outputs = globals()[name]()
    model.eval()
    liven(model, all_of_it=name not in ("encodec", "vits"))
    if "attention" in options:
        model.set_attn_implementation(options["attention"])
    module = First(model, inputs, outputs).eval() if outputs else model
    if any(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules()):
        settle(model, lambda: module(*values))
    return Case(module, values, inputs)
