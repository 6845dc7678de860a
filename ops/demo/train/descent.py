"""Least squares by mini-batch gradient descent with nothing to hold it back, to see what too large a step does."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class GradientDescentRegressor:
    """A linear model with scikit-learn's manners; a step of over two by the largest curvature makes it explode."""

    rate: float
    batch_size: int = 16
    weights: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))

    def partial_fit(self, x: NDArray[Any], y: NDArray[Any]) -> None:
        """Take one step down the gradient of the mean squared error for each batch of rows."""
        rows = self._with_bias(x)
        if self.weights.size != rows.shape[1]:
            self.weights = np.zeros(rows.shape[1])
        for start in range(0, len(rows), self.batch_size):
            batch, target = rows[start : start + self.batch_size], y[start : start + self.batch_size]
            self.weights -= self.rate * 2 / len(batch) * batch.T @ (batch @ self.weights - target)

    def predict(self, x: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(self._with_bias(x) @ self.weights)

    def get_params(self) -> dict[str, float]:
        """Answer the settings, as scikit-learn's estimators do."""
        return {"rate": self.rate, "batch_size": self.batch_size}

    @staticmethod
    def _with_bias(x: NDArray[Any]) -> NDArray[np.float64]:
        return np.hstack([x, np.ones((len(x), 1))])
