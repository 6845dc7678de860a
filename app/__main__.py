"""`python -m app`: the command line."""

import signal
from importlib import import_module

if __name__ == "__main__":
    is_interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_interruptible:
        # Importing takes a while, and Ctrl-C would print a traceback from the depths of some module.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    commands = import_module("app.cli")
    if is_interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    commands.main()
