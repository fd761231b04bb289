"""Random faults in everything that is read; ``make fuzz`` looks for new ones for an hour."""
