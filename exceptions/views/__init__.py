"""The screens of working exceptions."""
