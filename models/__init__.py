"""The available models, and how FiftyOne loads them."""
