"""Sources of video: files, streams and cameras, read as windows of frames."""
