"""What the App says and means, for panels, operators and the other ways to choose samples."""
