"""Callbacks and loggers of frameworks, none of which is imported here."""

from maestro_client.adapters.boosting import lightgbm_callback, xgboost_callback
from maestro_client.adapters.keras import keras_callback
from maestro_client.adapters.lightning import lightning_logger
from maestro_client.adapters.transformers import transformers_callback

__all__ = ["keras_callback", "lightgbm_callback", "lightning_logger", "transformers_callback", "xgboost_callback"]
