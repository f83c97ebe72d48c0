"""How much a key or a project may do: budgets of renders, and a rate for the calls that write."""
