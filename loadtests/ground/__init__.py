"""What a load falls on: organisations with their keys, the ids in them, and the documents that clients name."""
