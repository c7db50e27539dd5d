"""What every API resource shares: problems, strict parsing, pages, filters, versions, and one effect per request."""
