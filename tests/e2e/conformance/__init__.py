"""The bundled adapters in the conformance tests of `pytest_mimic.testing`, each with a driver and its real service."""
