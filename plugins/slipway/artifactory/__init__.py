"""Artifactory: what is known of every image, kept beside it."""
