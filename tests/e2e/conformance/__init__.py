"""The bundled adapters in the conformance tests of `support.conformance`, each with a driver and its real service."""
