"""What crosses a boundary: topics and their records, Stripe's JSON, dead letters, the ports between parts."""
