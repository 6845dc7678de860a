"""What a process counts of itself: families of values by area, and the files in which its processes share them."""
