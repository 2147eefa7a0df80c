"""Writes a speech recogniser, in a process of its own: ``python tests/tiny_whisper.py FOLDER``."""

from __future__ import annotations

import sys

LANGUAGES = ("en", "de")


def main(folder: str) -> None:
    """Write a random Whisper of one layer, 16 wide, whose tokens are bytes."""
    sys.modules["torchvision"] = None  # transformers would stop at one that does not run
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )

    languages = [f"<|{language}|>" for language in LANGUAGES]
    tasks = ["<|translate|>", "<|transcribe|>"]
    special = ["<|startoftranscript|>", *languages, *tasks, "<|startoflm|>", "<|startofprev|>"]
    special += ["<|nospeech|>", "<|notimestamps|>"]
    words = [*sorted(ByteLevel.alphabet()), "<|endoftext|>"]
    tokenizer = WhisperTokenizer(vocab={token: n for n, token in enumerate(words)}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.add_tokens([f"<|{0.02 * n:.2f}|>" for n in range(1501)])
    number = tokenizer.convert_tokens_to_ids
    ends, begins = number("<|endoftext|>"), number("<|startoftranscript|>")
    torch.manual_seed(3)
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        num_mel_bins=80,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        d_model=16,
        max_target_positions=64,
        init_std=0.5,
        pad_token_id=ends,
        bos_token_id=ends,
        eos_token_id=ends,
        decoder_start_token_id=begins,
        begin_suppress_tokens=None,
    )
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=begins,
        bos_token_id=ends,
        eos_token_id=ends,
        pad_token_id=ends,
        max_length=40,
        no_timestamps_token_id=number("<|notimestamps|>"),
        is_multilingual=True,
        lang_to_id={token: number(token) for token in languages},
        task_to_id={token.strip("<|>"): number(token) for token in tasks},
        alignment_heads=[[0, 0], [0, 1]],
        max_initial_timestamp_index=50,
    )
    model.save_pretrained(folder)
    WhisperProcessor(WhisperFeatureExtractor(), tokenizer).save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1])
