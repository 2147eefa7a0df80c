"""A speech recogniser for tests."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch

from ariigcn_dgl.extract.hidden_torchvision import torchvision_hidden
from ariigcn_dgl.extract.transformer import quiet

LANGUAGES = ("en", "de")
TASKS = ("translate", "transcribe")
OTHERS = ("startoflm", "startofprev", "nospeech", "notimestamps")


def write_whisper(folder: Path, by_words: bool = True) -> Path:
    """Write a random Whisper of one layer, 16 wide, that says letters and spaces.

    Parameters
    ----------
    folder : Path
    by_words : bool
        Whether it knows which of its heads tell the times of words.
    """
    with torchvision_hidden():  # transformers would stop at one that does not run
        import transformers

        with quiet(transformers):
            tokenizer = _tokenizer(transformers)
            model = _model(transformers, tokenizer)
            if not by_words:
                del model.generation_config.alignment_heads
            model.save_pretrained(folder)
            extractor = transformers.WhisperFeatureExtractor()
            transformers.WhisperProcessor(extractor, tokenizer).save_pretrained(folder)
    return folder


def _tokenizer(transformers: Any) -> Any:
    from tokenizers.pre_tokenizers import ByteLevel

    words = [*sorted(ByteLevel.alphabet()), "<|endoftext|>"]
    tokenizer = transformers.WhisperTokenizer({token: n for n, token in enumerate(words)}, [])
    special = [f"<|{name}|>" for name in ("startoftranscript", *LANGUAGES, *TASKS, *OTHERS)]
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.add_tokens([f"<|{0.02 * n:.2f}|>" for n in range(1501)])
    return tokenizer


def _model(transformers: Any, tokenizer: Any) -> Any:
    number = tokenizer.convert_tokens_to_ids
    ends, begins = number("<|endoftext|>"), number("<|startoftranscript|>")
    said = {number(letter) for letter in (*string.ascii_lowercase, "Ġ")}
    ids = {"pad_token_id": ends, "bos_token_id": ends, "eos_token_id": ends}
    config = transformers.WhisperConfig(
        vocab_size=len(tokenizer),
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        d_model=16,
        max_target_positions=64,
        init_std=0.5,
        decoder_start_token_id=begins,
        begin_suppress_tokens=None,
        **ids,
    )
    torch.manual_seed(0)
    model = transformers.WhisperForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(
        decoder_start_token_id=begins,
        max_length=40,
        no_timestamps_token_id=number("<|notimestamps|>"),
        suppress_tokens=[n for n in range(ends) if n not in said],
        is_multilingual=True,
        lang_to_id={f"<|{name}|>": number(f"<|{name}|>") for name in LANGUAGES},
        task_to_id={name: number(f"<|{name}|>") for name in TASKS},
        alignment_heads=[[0, 0], [0, 1]],
        max_initial_timestamp_index=50,
        **ids,
    )
    return model
