"""The Model Context Protocol: tools with which an agent lists templates and makes documents."""
