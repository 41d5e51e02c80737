"""The App in a real browser: its server, what a person does in it, and pictures of it."""
