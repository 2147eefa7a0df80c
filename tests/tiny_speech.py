"""Writes speech models, in a process of its own: ``python tests/tiny_speech.py FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

SMALL = {
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "conv_dim": (6, 6),
    "conv_stride": (20, 16),
    "conv_kernel": (25, 16),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
WHISPER = {
    "d_model": 8,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 12,
    "decoder_ffn_dim": 12,
    "vocab_size": 10,
    "decoder_start_token_id": 1,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def main(folder: str) -> None:
    """Write random models: of both kinds of normalisation, and a Whisper."""
    sys.modules["torchvision"] = None  # transformers would stop at one that does not run
    import torch
    from transformers import (
        HubertConfig,
        HubertModel,
        Wav2Vec2Config,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2Model,
        WavLMConfig,
        WavLMModel,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperModel,
    )

    torch.manual_seed(0)
    kinds = {
        "wavlm": WavLMModel(WavLMConfig(**SMALL, feat_extract_norm="group")),
        "hubert": HubertModel(
            HubertConfig(**SMALL, feat_extract_norm="layer", do_stable_layer_norm=True)
        ),
        "wav2vec2": Wav2Vec2Model(Wav2Vec2Config(**SMALL, feat_extract_norm="layer")),
        "whisper": WhisperModel(WhisperConfig(**WHISPER)),
    }
    for name, model in kinds.items():
        model.save_pretrained(Path(folder) / name)
        reader = Wav2Vec2FeatureExtractor(do_normalize=name != "wavlm")
        reader = WhisperFeatureExtractor() if name == "whisper" else reader
        reader.save_pretrained(Path(folder) / name)


if __name__ == "__main__":
    main(sys.argv[1])
