"""Writes a text encoder, in a process of its own: ``python tests/tiny_roberta.py FOLDER``."""

from __future__ import annotations

import sys


def main(folder: str) -> None:
    """Write a random RoBERTa of two layers, 12 wide, whose tokens are bytes."""
    sys.modules["torchvision"] = None  # transformers would stop at one that does not run
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(ByteLevel.alphabet())]
    vocabulary = {token: n for n, token in enumerate(words)}
    tokenizer = RobertaTokenizer(vocab=vocabulary, merges=[])
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=66,
        pad_token_id=tokenizer.pad_token_id,
    )
    RobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1])
