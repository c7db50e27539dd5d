"""The only writers of content; each act is one transaction."""
