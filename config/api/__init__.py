"""The API's addresses, its description and its reference."""
