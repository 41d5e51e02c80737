"""The demo: images it draws, a detector trained on them, a database to run against."""
