"""The operators' console: pages drawn here, for browsers with JavaScript and without; shows rows and calls verbs."""
