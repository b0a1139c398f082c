"""NetOpt on the controller: models, policy, validation, planning, runs and the MCP server."""
