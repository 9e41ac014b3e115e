"""The preview engine, in small parts; `engine.PreviewEngine` puts them together."""
