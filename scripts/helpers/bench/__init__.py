"""What scripts/bench is made of: servers (how each is set up), measure (clocks, load, checks), scenarios (the rows of the table),
curves (what grows), output (table, JSON, picture)."""
