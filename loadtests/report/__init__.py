"""Reports of load tests: a page of HTML with its plots inside, the same as Markdown, and the numbers as JSON."""
