"""Encoders: what makes the few numbers that a network reads of an image."""

from .convolutional import ConvolutionalEncoder, Layer
from .encoder import AbsentEncoder, Encoder, made_encoder, written_encoder
from .file import FILE_NAME, encoder_bytes, find_encoder, load_encoder
from .function import FunctionEncoder
from .images import image_shape, is_image
from .pixels import PixelEncoder

__all__ = [
    "FILE_NAME",
    "AbsentEncoder",
    "ConvolutionalEncoder",
    "Encoder",
    "FunctionEncoder",
    "Layer",
    "PixelEncoder",
    "encoder_bytes",
    "find_encoder",
    "image_shape",
    "is_image",
    "load_encoder",
    "made_encoder",
    "written_encoder",
]
