"""What is segmented in which data set, and how it is opened as a task: one file each."""
