"""Training scripts of the demo data: they need scikit-learn and matplotlib, and nothing else imports them.

Numerical libraries read their thread counts once, when they are first loaded. One thread makes sums come out in the
same order, and so makes the recorded metrics the same, on every machine of a kind.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"
