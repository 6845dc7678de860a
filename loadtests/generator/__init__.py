"""The generator that runs inside Locust; its users patch the standard library, so that Locust alone imports them."""
