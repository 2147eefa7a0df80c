"""Layers and losses, usable alone: plain tensors and a graph in, tensors out."""

from ariigcn_dgl.nn._impl import set_impl
from ariigcn_dgl.nn.adversarial_contrastive import AdversarialContrastive
from ariigcn_dgl.nn.contrast import ICCLLoss, IMCLLoss, InstanceContrast, PairwiseContrast
from ariigcn_dgl.nn.cross_batch_memory import CrossBatchMemory
from ariigcn_dgl.nn.cross_modal_transformer import CrossModalTransformer
from ariigcn_dgl.nn.dialogue_attention import DialogueAttention
from ariigcn_dgl.nn.dialogue_context import DialogueContext
from ariigcn_dgl.nn.dialogue_gru import DialogueGRU
from ariigcn_dgl.nn.dialogue_lstm import DialogueLSTM
from ariigcn_dgl.nn.emotion_inference import EmotionInferenceSubnetwork
from ariigcn_dgl.nn.frequency_conv import FrequencyConv
from ariigcn_dgl.nn.fusion import FUSIONS, Add, Concatenate, Fusion, LowRankFusion, TensorFusion
from ariigcn_dgl.nn.hypergraph_conv import HypergraphConv
from ariigcn_dgl.nn.latent_graph_conv import LatentGraphConv
from ariigcn_dgl.nn.mean_conv import MeanConv
from ariigcn_dgl.nn.memory_fusion import MemoryFusion
from ariigcn_dgl.nn.modality_classifiers import ModalityClassifiers
from ariigcn_dgl.nn.modality_encoder import ModalityEncoder
from ariigcn_dgl.nn.modality_graph import ModalityGraph
from ariigcn_dgl.nn.own_loss import LOSSES, Loss, Seen
from ariigcn_dgl.nn.party_rnn import PartyRNN
from ariigcn_dgl.nn.rel_edge_attention_conv import RelEdgeAttentionConv
from ariigcn_dgl.nn.relational_graph import RelationalGraph
from ariigcn_dgl.nn.sccl import VAD, SCCLLoss, vad_prototypes
from ariigcn_dgl.nn.sentence_context import SentenceContext
from ariigcn_dgl.nn.speaker_relative import SpeakerRelative
from ariigcn_dgl.nn.spectral_conv import (
    DeepGraphConv,
    angular_similarity,
    symmetrically_normalised,
)
from ariigcn_dgl.nn.sum_conv import SumConv
from ariigcn_dgl.nn.text_cnn import TextCNN, WordCNN
from ariigcn_dgl.nn.transformer_block import ResidualAttention, TransformerBlock
from ariigcn_dgl.nn.tri_modal_gan import TriModalGAN

__all__ = [
    "FUSIONS",
    "LOSSES",
    "VAD",
    "Add",
    "AdversarialContrastive",
    "Concatenate",
    "CrossBatchMemory",
    "CrossModalTransformer",
    "DeepGraphConv",
    "DialogueAttention",
    "DialogueContext",
    "DialogueGRU",
    "DialogueLSTM",
    "EmotionInferenceSubnetwork",
    "FrequencyConv",
    "Fusion",
    "HypergraphConv",
    "ICCLLoss",
    "IMCLLoss",
    "InstanceContrast",
    "LatentGraphConv",
    "Loss",
    "LowRankFusion",
    "MeanConv",
    "MemoryFusion",
    "ModalityClassifiers",
    "ModalityEncoder",
    "ModalityGraph",
    "PairwiseContrast",
    "PartyRNN",
    "RelEdgeAttentionConv",
    "RelationalGraph",
    "ResidualAttention",
    "SCCLLoss",
    "Seen",
    "SentenceContext",
    "SpeakerRelative",
    "SumConv",
    "TensorFusion",
    "TextCNN",
    "TransformerBlock",
    "TriModalGAN",
    "WordCNN",
    "angular_similarity",
    "set_impl",
    "symmetrically_normalised",
    "vad_prototypes",
]
