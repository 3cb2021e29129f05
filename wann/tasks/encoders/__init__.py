"""Training an encoder for an environment of images: frames are collected, an autoencoder learns them."""

from .autoencoder import Trained, train_autoencoder
from .frames import collected_frames, frames_task
from .settings import EncoderSettings

__all__ = ["EncoderSettings", "Trained", "collected_frames", "frames_task", "train_autoencoder"]
