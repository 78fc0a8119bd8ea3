"""Why ids change: every identity switch, miss and false row with its cause, proved by replay where there is truth."""
