"""A project as one file: JSON and Parquet in an archive, the same to the byte whenever the project is the same."""
