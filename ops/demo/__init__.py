"""Demo data: real training runs, recorded once by `ops.demo.record` and read back by `ops.demo.recording`."""
