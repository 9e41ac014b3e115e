"""One module a page or a few that belong together; each asks figures, calls verbs, and fills a template."""
