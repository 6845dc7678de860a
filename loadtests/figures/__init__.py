"""The figures that this version promises, each measured and printed beside its goal: `python -m loadtests.figures`."""
