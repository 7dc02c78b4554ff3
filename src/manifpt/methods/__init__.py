"""Methods: an extractor with an attributor, presets, saving and loading."""
