"""What template authors use: a template's folder, its local page, its tests, its publication."""
