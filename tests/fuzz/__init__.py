"""Random faults in everything that is read. ``docs/extending.md`` says how to run it for long."""
