"""What tests share: models, datasets, the App's part of a conversation, processes and clusters."""
