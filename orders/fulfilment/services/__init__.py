"""The only writers of orders, lines, stock and parcels; each acts on a batch."""
