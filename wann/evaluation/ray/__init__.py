"""Workers on a Ray cluster: hired, fed with chunks, and replaced when they die."""
