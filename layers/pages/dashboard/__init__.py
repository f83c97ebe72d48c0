"""The dashboard: pages for the people of a stage, written here and on the server alone.

A request goes `app` → `router`, which finds out who asks and what they may see, → a function of
`pages`, which calls the same use cases as the CLI and answers with a template.
"""
