"""The outside world: one module a vendor, behind capability protocols; knows nothing of ours but the kernel."""
